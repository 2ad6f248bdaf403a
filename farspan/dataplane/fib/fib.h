// SPDX-License-Identifier: Apache-2.0
// Fib: all forwarding tables of one snapshot: where does a packet of this VRF go next?
//
// Tables are shared between snapshots: a batch makes new ones where routes changed.
//
// Not here: the match itself (fib_table.h); candidate routes and why they lost (compiler/).
// Threads: filled by the agent's thread before the snapshot is published, immutable afterwards.
#pragma once

#include <array>
#include <memory>

#include "farspan/base/shared_array.h"
#include "farspan/dataplane/fib/fib_table.h"

namespace farspan::dataplane {

class Fib {
 public:
  /// Makes `table` the one of (vrf, kind); nullptr takes it away.
  void set(VrfIndex vrf, TableKind kind, std::shared_ptr<const FibTable> table);

  /// Where a packet from `source` to `destination` (host order) goes; kNone when no route covers
  /// it.
  Adjacency lookup(VrfIndex vrf, TableKind kind, uint32_t source,
                   uint32_t destination) const noexcept {
    if (vrf.value() >= tables_.size()) return Adjacency::none();
    const FibTable* table = tables_[vrf.value()][static_cast<size_t>(kind)].get();
    return table == nullptr ? Adjacency::none() : table->lookup(source, destination);
  }

 private:
  SharedArray<std::array<std::shared_ptr<const FibTable>, 2>> tables_;
};

}  // namespace farspan::dataplane
