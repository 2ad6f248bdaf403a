// SPDX-License-Identifier: Apache-2.0
// Rib: every candidate route of a Vpc, winners and losers, before anybody asks on which node.
//
// One list per Vpc serves both questions: what the nodes must do (route_rows.cpp) and why
// (explain_routes.cpp), so the explanation can never differ from what is done.
//
//   vpc_routes.cpp   its vSwitches            always win
//   vpn_routes.cpp   its gateway's routes     lose to a vSwitch that holds them
//   cen_routes.cpp   what other Vpcs announce loses to a vSwitch around it,
//                                             to an equal route of its own,
//                                             and to an equal announcement of an older Vpc
//
// Internal to compiler/.
#pragma once

#include <map>
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
};

using Rib = std::vector<RibRoute>;

/// Where in a RIB the active route without a source stands, by its destination.
using ActiveDestinations = std::map<net::Prefix, size_t>;

/// The RIB of every Vpc of `placement`, by name. Points into `placement`.
std::map<std::string, Rib> make_ribs(const Placement& placement);

void add_vpc_routes(const VpcSite& site, Rib& rib);  // vpc_routes.cpp
void add_vpn_routes(const VpcSite& site, Rib& rib);  // vpn_routes.cpp
/// What `from` announces, out of its own RIB `announced`, is offered to `site`. `active` is kept
/// true of `rib`.
void add_cen_routes(const VpcSite& site, const VpcSite& from, const Rib& announced, Rib& rib,
                    ActiveDestinations& active);  // cen_routes.cpp

}  // namespace farspan::compiler
