// SPDX-License-Identifier: Apache-2.0
// compile: what each node must do, from everything that was declared.
//
// Pure: no clock, no I/O, no order but that of the model's maps, so the same model gives the same
// states on every controller. Generations are not its business: states come out with generation 0.
//
// Here the whole is compiled; a network that is kept and follows its model piece by piece is in
// network.h. One file per subject: vpc_routes, learned (import/export), vpn (connections and
// gateway routes), links, security_groups, ports.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "farspan/model/model.h"
#include "farspan/nodestate/node_state.h"

namespace farspan::compiler {

/// What each node must do, by node name. Every Node of the model has an entry, possibly empty.
/// @pre model::validate(model) found no fault
std::map<std::string, nodestate::NodeState> compile(const model::Model& model);

/// Where a candidate route of a Vpc's table comes from.
enum class RouteOrigin : uint8_t { kSystem, kVpn, kCen };
enum class RouteState : uint8_t { kActive, kRejected };

/// One candidate route of a Vpc, winner or loser: routes explain themselves.
struct CandidateRoute {
  net::Prefix destination;
  std::optional<net::Prefix> source;
  RouteOrigin origin = RouteOrigin::kSystem;
  std::string next_hop;  // "local", "IpsecConnection office-1", "Vpc shanghai"
  RouteState state = RouteState::kActive;
  bool is_in_vpc = true;  // false: only in the gateway's table (an unpublished VPN route)
  bool is_published_to_cen = false;
  std::string reason;  // why it stands here, or why it lost and to whom
  bool operator==(const CandidateRoute&) const = default;
};

/// Every candidate route of `vpc`, by destination, winners first.
std::vector<CandidateRoute> explain_routes(const model::Model& model, const std::string& vpc);

// A host somewhere: an address, in a Vpc or behind one of its gateway's connections.
struct Endpoint {
  std::string vpc;
  net::Address address;
};
struct Probe {
  uint8_t protocol = 1;  // IP protocol number
  uint16_t port = 0;     // destination port for TCP and UDP
};
struct Reachability {
  bool is_reachable = false;
  // "office-1", "us-east-node", "shanghai-node", "app-shanghai", as packets pass them
  std::vector<std::string> path;
  std::string reason;  // why not: "SecurityGroup app: no rule accepts icmp from 10.10.10.10"
};

/// Would packets of `probe` from `from` get to `to` and the answers back, if every tunnel is up?
/// Walks the compiled states of the nodes as packets do.
Reachability reach(const model::Model& model, const net::Address& from, const net::Address& to,
                   const Probe& probe);

/// The same on states that were compiled already, for many questions about one model.
Reachability reach(const std::map<std::string, nodestate::NodeState>& states,
                   const net::Address& from, const net::Address& to, const Probe& probe);

}  // namespace farspan::compiler
