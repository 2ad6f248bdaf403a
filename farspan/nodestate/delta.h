// SPDX-License-Identifier: Apache-2.0
// Delta: what changes between two generations of a NodeState; a snapshot or an increment, never
// ambiguous.
//
// Laws (delta_test.cpp, on random states): apply(a, diff(a, b)) == b; diff(a, a) is empty;
// apply(a, merge(diff(a, b), diff(b, c))) == c.
#pragma once

#include <map>
#include <set>

#include "farspan/base/result.h"
#include "farspan/nodestate/node_state.h"

namespace farspan::nodestate {

template <class Key, class Row>
struct TableDelta {
  std::map<Key, Row> upserts;
  std::set<Key> removals;

  bool empty() const { return upserts.empty() && removals.empty(); }
  bool operator==(const TableDelta&) const = default;
};

struct Delta {
  bool is_snapshot = false;  // the upserts are the whole state; there are no removals
  std::string node;
  uint64_t from_generation = 0;  // an increment applies to exactly this generation; 0 in a snapshot
  uint64_t to_generation = 0;
  TableDelta<VrfId, Vrf> vrfs;
  TableDelta<PortId, Port> ports;
  TableDelta<SecurityGroupId, SecurityGroup> security_groups;
  TableDelta<TunnelId, Tunnel> tunnels;
  TableDelta<RouteKey, NextHop> routes;

  /// True for an increment that changes no row (its generation may still move).
  bool empty() const;
  bool operator==(const Delta&) const = default;
};

/// The increment from `from` to `to`. @pre both are states of one node
Delta diff(const NodeState& from, const NodeState& to);

/// The whole of `state` as a delta.
Delta snapshot(const NodeState& state);

/// `state` with `delta` applied. kConflict when an increment does not start at state.generation:
/// ask for a snapshot.
Result<NodeState> apply(const NodeState& state, const Delta& delta);

/// One delta with the effect of `first` and then `second`. @pre second starts where first ends, or
/// is a snapshot
Delta merge(const Delta& first, const Delta& second);

}  // namespace farspan::nodestate
