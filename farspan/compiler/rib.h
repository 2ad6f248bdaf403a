// SPDX-License-Identifier: Apache-2.0
// Rib: every candidate route of a Vpc, winners and losers, before anybody asks on which node.
//
//   vpc_routes.cpp   its vSwitches            always win
//   vpn_routes.cpp   its gateway's routes     lose to a vSwitch that holds them
//   learned.h        what other Vpcs announce loses to a vSwitch around it,
//                                             to an equal route of its own,
//                                             and to an equal announcement of an older Vpc
//
// A Vpc's own routes are kept, in a piece of the network; what it learns is found out from the
// pieces of the others when it is asked for, the same way for what nodes do (route_rows.cpp) and
// for why (explain_routes.cpp), so the explanation can never differ from what is done.
//
// Internal to compiler/.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "farspan/compiler/compile.h"
#include "farspan/compiler/placement.h"

namespace farspan::compiler {

/// A candidate route and what it leads to: a vSwitch or a connection of `owner`, which is this Vpc
/// or another one.
struct RibRoute {
  CandidateRoute candidate;
  const VpcSite* owner = nullptr;
  const model::VSwitch* vswitch = nullptr;  // exactly one of the two
  const model::IpsecConnection* connection = nullptr;
  bool is_standby = false;  // rejected because another connection has the same destination

  bool is_active() const { return candidate.state == RouteState::kActive; }
  bool is_announced() const { return is_active() && candidate.is_published_to_cen; }
};

using Rib = std::vector<RibRoute>;

/// What belongs to one Vpc and to nobody else. Never changed after it was made; it points into the
/// model it was made from, and lives no longer than the resources there.
struct VpcPiece {
  VpcSite site;
  Rib own;                                                                    // by destination
  std::map<const model::IpsecConnection*, std::vector<net::Prefix>> standby;  // of those that have

  /// Destinations to which another connection goes before this one: packets may come from there by
  /// it all the same (RFC 3704 §2.3).
  std::vector<net::Prefix> standby_of(const model::IpsecConnection& connection) const;

  /// Its own routes to exactly `destination`.
  std::span<const RibRoute> to(const net::Prefix& destination) const;
  /// The first of its own routes to a destination above `destination`.
  Rib::const_iterator after(const net::Prefix& destination) const;
  /// The active one of these that is for packets from anywhere, or nullptr.
  const RibRoute* plain_route(const net::Prefix& destination) const;
  /// The one of these that the Cen may learn, or nullptr.
  const RibRoute* announced(const net::Prefix& destination) const;
};
using Piece = std::shared_ptr<const VpcPiece>;

Piece make_piece(VpcSite site);

void add_vpc_routes(const VpcSite& site, Rib& rib);  // vpc_routes.cpp
void add_vpn_routes(const VpcSite& site, Rib& rib);  // vpn_routes.cpp

}  // namespace farspan::compiler
