// SPDX-License-Identifier: Apache-2.0
// Intent: what the agent has programmed, as rows by id; what Tables snapshots are compiled from.
//
// A batch is read into it row by row (read_batch.h) and then either accepted or taken back as a
// whole, so that a batch costs its own rows, whatever else there is. Routes are only changed when
// the batch is accepted: until then they wait in `routes`.
//
// Not here: whether rows fit together (check_intent.h), compiling (table_builder.cpp).
// Threads: the one that makes tables.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "farspan/base/unique_fd.h"
#include "farspan/dataplane/control/counters.h"
#include "farspan/dataplane/control/journaled_rows.h"
#include "farspan/dataplane/control/references.h"
#include "farspan/dataplane/control/tunnel_bounds.h"
#include "farspan/dataplane/fib/route_table.h"
#include "farspan/dataplane/path/tunnel_path.h"
#include "farspan/dataplane/policy/rule_set.h"

namespace farspan::dataplane {

struct VrfRow {
  uint32_t index = 0;
  uint32_t router = 0;
  uint32_t label = 0;
  FlowDomain domain;
  bool operator==(const VrfRow&) const = default;
};

struct GroupRow {
  std::vector<Rule> ingress, egress;
  bool operator==(const GroupRow&) const = default;
};

struct PortRow {
  uint32_t index = 0;
  VrfId vrf;
  uint32_t address = 0;
  std::array<uint8_t, 6> mac{};
  uint16_t mtu = 0;
  std::vector<uint32_t> groups;  // sorted, each once
  std::shared_ptr<const UniqueFd> tap;
  std::shared_ptr<InterfaceCounters> counters;
  bool operator==(const PortRow&) const = default;
};

struct TunnelRow {
  uint32_t index = 0;
  bool is_link = false;
  VrfId vrf;
  uint32_t remote = 0;  // host order; 0: it may call from anywhere
  std::shared_ptr<InterfaceCounters> counters;
  std::shared_ptr<TunnelPath> path;            // made and kept with the counters
  std::shared_ptr<const TunnelBounds> bounds;  // never null in a row; another one: others
  uint16_t mtu = TunnelPath::kMost;            // of outer packets, as declared
  bool operator==(const TunnelRow&) const = default;
};

/// What a batch makes of one route; kNone: there is none.
struct RouteChange {
  VrfId vrf;
  TableKind kind = TableKind::kVpc;
  RouteKey key;
  Adjacency before, after;

  auto place() const { return std::tie(vrf, kind, key); }
};

struct Intent {
  JournaledRows<VrfId, VrfRow> vrfs;
  JournaledRows<uint32_t, GroupRow> groups;
  JournaledRows<PortId, PortRow> ports;
  JournaledRows<TunnelId, TunnelRow> tunnels;
  std::map<std::pair<VrfId, TableKind>, RouteTable> tables;  // none is empty
  std::vector<RouteChange> routes;                           // of the batch; by place, each once

  References references;  // of the rows with the batch, once it was counted

  /// Brings the references to what the batch made of the rows.
  void count_batch();
  /// Keeps what the batch changed. @pre counted, and all was seen to fit together
  void commit();
  /// Makes everything what it was before the batch. @pre counted if `is_counted`
  void undo(bool is_counted);

 private:
  void count_batch(References::Way before, References::Way after);
};

}  // namespace farspan::dataplane
