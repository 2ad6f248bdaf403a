// SPDX-License-Identifier: Apache-2.0
// Rows: the rows of a node's tables, each made from what it stands for. Who stands on which node is
// the network's business (network.cpp).
//
// Internal to compiler/.
#pragma once

#include <set>

#include "farspan/compiler/placement.h"
#include "farspan/compiler/rib.h"

namespace farspan::compiler {

nodestate::Vrf vrf_row(const VpcSite& site);  // vrfs.cpp

nodestate::Port port_row(const model::Model& model, const VpcSite& site,
                         const model::VSwitch& vswitch,
                         const model::Instance& instance);  // ports.cpp

// security_groups.cpp
nodestate::SecurityGroup group_row(const model::Model& model, const model::Users& users,
                                   const model::SecurityGroup& group);

/// @pre the site has a gateway
nodestate::Tunnel office_tunnel_row(const VpcPiece& piece, const model::IpsecConnection& connection,
                                    const model::CustomerGateway& office);  // office_tunnels.cpp

/// The end at `local` of the link between the two.
/// @param labels  those that `peer` has a route for
nodestate::Tunnel link_row(const model::Node& local, const model::Node& peer,
                           std::set<nodestate::Label> labels);  // links.cpp

/// Takes the rows of routes.
class RouteRows {
 public:
  virtual ~RouteRows() = default;
  /// @param peer  to which `next_hop` leads over a link; null: over none
  virtual void put(const model::Node& at, const nodestate::RouteKey& key,
                   const nodestate::NextHop& next_hop, const model::Node* peer) = 0;
};

/// The rows of the active `route` in the tables of `site`, on every node where that stands.
void add_route_rows(const VpcSite& site, const RibRoute& route, RouteRows& rows);  // route_rows.cpp

}  // namespace farspan::compiler
