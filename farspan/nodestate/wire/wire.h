// SPDX-License-Identifier: Apache-2.0
// wire: NodeState's rows and deltas as the messages of proto/farspan/v1/node_state.proto, both
// ways.
//
// The border between what a peer or a disk says and what the programs reason about. to_proto cannot
// fail; from_proto refuses whatever a domain type cannot hold, and names the row, the field and the
// value: every address, prefix, number and length is judged before it becomes a value. Rows are
// judged one by one; whether they refer to rows that exist is the receiver's question (a delta is
// only a part of a state).
//
// Not here: what a delta means (delta.h), the data plane's rows (agent/apply_tables.cpp).
// Threads: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "farspan/base/result.h"
#include "farspan/nodestate/delta.h"
#include "farspan/nodestate/node_state.h"

namespace farspan::v1 {
class Vrf;
class Port;
class SecurityGroup;
class Tunnel;
class RouteKey;
class Route;
class Delta;
}  // namespace farspan::v1

namespace farspan::nodestate::wire {

inline constexpr size_t kMaxName = 255;    // of any resource, identity, netns or proposal
inline constexpr size_t kMaxPsk = 128;     // bytes
inline constexpr size_t kMaxSubnets = 64;  // on each side of one tunnel: what one SA can carry
inline constexpr size_t kMaxFeasibleSources = 65536;  // of one tunnel: standby routes of a gateway
inline constexpr size_t kMaxGroupsOfPort = 64;
inline constexpr size_t kMaxRulesOfGroup =
    65536;  // of each direction, members of open groups included

v1::Vrf to_proto(VrfId id, const Vrf& vrf);
v1::Port to_proto(PortId id, const Port& port);
v1::SecurityGroup to_proto(SecurityGroupId id, const SecurityGroup& group);
v1::Tunnel to_proto(TunnelId id, const Tunnel& tunnel);
v1::RouteKey to_proto(const RouteKey& key);
v1::Route to_proto(const RouteKey& key, const NextHop& next_hop);
v1::Delta to_proto(const Delta& delta);

/// A row under its key, as the wire carries them.
template <class Key, class Row>
struct Keyed {
  Key key;
  Row row;
  bool operator==(const Keyed&) const = default;
};

Result<Keyed<VrfId, Vrf>> from_proto(const v1::Vrf& message);
Result<Keyed<PortId, Port>> from_proto(const v1::Port& message);
Result<Keyed<SecurityGroupId, SecurityGroup>> from_proto(const v1::SecurityGroup& message);
Result<Keyed<TunnelId, Tunnel>> from_proto(const v1::Tunnel& message);
Result<RouteKey> from_proto(const v1::RouteKey& message);
Result<Keyed<RouteKey, NextHop>> from_proto(const v1::Route& message);

/// The whole delta, or the first thing that is wrong with it. Besides its rows it must not name a
/// key twice, a snapshot must not remove, and an increment must not go back in generations.
Result<Delta> from_proto(const v1::Delta& message);

/// The bytes of a delta, the same for equal deltas: what is kept on disk and sent.
std::string serialize(const Delta& delta);
/// What a state says whatever its generation is, kept beside it and followed through its changes
/// (digest.cpp).
class StateDigest {
 public:
  using Lanes = std::array<uint64_t, 4>;

  StateDigest() = default;  // of a state without rows
  explicit StateDigest(const NodeState& state);
  /// From that of `before` to that of apply(before, delta). @pre an increment
  void follow(const NodeState& before, const Delta& delta);
  /// 64 hexadecimal digits, the same for equal rows of the same node.
  std::string text(const std::string& node) const;
  bool operator==(const StateDigest&) const = default;

 private:
  Lanes sum_{};
};
/// StateDigest(state).text(state.node)
std::string digest_of(const NodeState& state);
/// kInvalid when `bytes` are no delta at all or from_proto refuses it.
Result<Delta> parse(std::string_view bytes);

}  // namespace farspan::nodestate::wire
