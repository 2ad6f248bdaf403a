// SPDX-License-Identifier: Apache-2.0
// Intent: what the agent has programmed, as plain maps by id; what Tables snapshots are compiled
// from.
//
// A value: a batch is applied to a copy, which is kept when nothing is wrong with it. Route tables,
// the only large part, are shared between copies and cloned when written.
//
// Not here: reading a batch (read_batch.h), checking the whole (check_intent.h), compiling it
// (table_builder.cpp). Threads: the control thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "farspan/base/unique_fd.h"
#include "farspan/dataplane/control/counters.h"
#include "farspan/dataplane/fib/fib_table.h"
#include "farspan/dataplane/policy/rule_set.h"

namespace farspan::dataplane {

/// A row without a place in the arrays of Tables yet.
inline constexpr uint32_t kNoIndex = UINT32_MAX;

struct VrfRow {
  uint32_t index = kNoIndex;
  uint32_t router = 0;
  uint32_t label = 0;
  FlowDomain domain;
};

struct GroupRow {
  std::vector<Rule> ingress, egress;
};

struct PortRow {
  uint32_t index = kNoIndex;
  VrfId vrf;
  uint32_t address = 0, gateway = 0;
  Prefix4 subnet;
  std::array<uint8_t, 6> mac{};
  uint16_t mtu = 0;
  std::vector<uint32_t> groups;  // sorted, each once
  std::shared_ptr<const UniqueFd> tap;
  std::shared_ptr<InterfaceCounters> counters;
};

struct TunnelRow {
  uint32_t index = kNoIndex;
  bool is_link = false;
  VrfId vrf;
  uint32_t remote = 0;
  std::shared_ptr<InterfaceCounters> counters;
};

struct RouteRowKey {
  Prefix4 destination;
  std::optional<Prefix4> source;
  auto operator<=>(const RouteRowKey&) const = default;
};

struct RouteTarget {
  AdjacencyKind kind = AdjacencyKind::kNone;
  uint32_t id = 0;  // of the port or the tunnel
  uint32_t label = 0;
};

struct RouteTable {
  std::map<RouteRowKey, RouteTarget> routes;
  std::shared_ptr<const FibTable> compiled;  // null: routes changed since
};

struct Intent {
  uint64_t generation = 0;
  std::map<VrfId, VrfRow> vrfs;
  std::map<uint32_t, GroupRow> groups;
  std::map<PortId, PortRow> ports;
  std::map<TunnelId, TunnelRow> tunnels;
  std::map<std::pair<VrfId, TableKind>, std::shared_ptr<RouteTable>> tables;
  /// Compiled rule sets by their groups; emptied when a group changes.
  std::map<std::vector<uint32_t>, std::shared_ptr<const RuleSet>> rule_sets;
};

}  // namespace farspan::dataplane
