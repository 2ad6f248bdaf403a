// SPDX-License-Identifier: Apache-2.0
// TunnelBounds: what may come by a tunnel, where routes alone do not say it.
//
// A link carries the labels it names and no other: whoever has taken a node over speaks for that
// node's Vpcs only. An office that is no one's best way back may still send from the prefixes that
// another one of its gateway carries instead (feasible paths, RFC 3704 §2.3).
//
// Asked when a flow begins or is judged again (pipeline/decide.cpp). Shared by the row and the
// snapshots that have it. Threads: immutable.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "farspan/dataplane/fib/prefix4.h"

namespace farspan::dataplane {

class TunnelBounds {
 public:
  TunnelBounds() = default;
  /// In any order, and as often as one likes.
  TunnelBounds(std::vector<uint32_t> labels, std::vector<Prefix4> sources)
      : labels_(std::move(labels)), sources_(std::move(sources)) {
    std::sort(labels_.begin(), labels_.end());
    std::sort(sources_.begin(), sources_.end());
    // What lies inside the one before says nothing new; without it, the last that begins before an
    // address is the only one that can contain it.
    const auto says_nothing = [](const Prefix4& before, const Prefix4& prefix) {
      return before.contains(prefix.address);
    };
    sources_.erase(std::unique(sources_.begin(), sources_.end(), says_nothing), sources_.end());
  }

  bool has_label(uint32_t label) const {
    return std::binary_search(labels_.begin(), labels_.end(), label);
  }
  bool has_source(uint32_t source) const {
    const auto behind = std::upper_bound(
        sources_.begin(), sources_.end(), source,
        [](uint32_t address, const Prefix4& prefix) { return address < prefix.address; });
    return behind != sources_.begin() && (behind - 1)->contains(source);
  }
  bool operator==(const TunnelBounds&) const = default;

 private:
  std::vector<uint32_t> labels_;  // sorted
  std::vector<Prefix4> sources_;  // sorted, none inside another
};

}  // namespace farspan::dataplane
