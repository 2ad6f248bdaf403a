// SPDX-License-Identifier: Apache-2.0
// Placement: who belongs to which Vpc and on which nodes each Vpc stands, looked up once for a
// whole compilation.
//
// A Vpc stands, as a VRF, on every node of its region that hosts one of its instances or its
// gateway; packets for an instance or an office elsewhere reach it over links between these nodes.
// Everything here points into the model.
//
// Threads: none; a value that must not outlive the model.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "farspan/model/model.h"
#include "farspan/nodestate/node_state.h"

namespace farspan::compiler {

struct VpcSite {
  const model::Vpc* vpc = nullptr;
  nodestate::VrfId vrf;
  nodestate::Label label;
  std::vector<const model::VSwitch*> vswitches;  // by number
  std::map<const model::VSwitch*, std::vector<const model::Instance*>> instances;
  const model::VpnGateway* gateway = nullptr;
  const model::Node* gateway_node = nullptr;
  std::vector<const model::IpsecConnection*> connections;
  std::vector<const model::VpnRoute*> vpn_routes;
  std::string cen;                                 // empty: not attached
  uint32_t cen_number = 0;                         // 0: not attached
  std::vector<const model::CenRoute*> cen_routes;  // of this Vpc
  std::vector<const model::Node*> nodes;           // where it stands, by number

  bool stands_on(const model::Node* node) const;
  /// The vSwitch that holds all of `prefix`, or nullptr.
  const model::VSwitch* vswitch_around(const net::Prefix& prefix) const;
};

struct Placement {
  std::vector<VpcSite>
      sites;  // by number of the Vpc, so that the oldest announcement of a prefix is met first

  const VpcSite* find(const std::string& vpc) const;
};

/// References that lead nowhere are skipped: validate() has refused them.
Placement place(const model::Model& model);

nodestate::TunnelId tunnel_of(const model::IpsecConnection& connection);
/// The link from any node to `peer`, as that node numbers it.
nodestate::TunnelId link_to(const model::Node& peer);
nodestate::PortId port_of(const model::Instance& instance);

}  // namespace farspan::compiler
