// SPDX-License-Identifier: Apache-2.0
// Placement: who belongs to a Vpc and on which nodes it stands.
//
// A Vpc stands, as a VRF, on every node of its region that hosts one of its instances or its
// gateway; packets for an instance or an office elsewhere reach it over links between these nodes.
// Everything here points into the model.
//
// Threads: none; a value that must not outlive the resources of the model.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "farspan/model/users.h"
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
  std::vector<const model::IpsecConnection*> connections;  // by name, as the two below
  std::vector<const model::VpnRoute*> vpn_routes;
  std::string cen;                                 // empty: not attached
  uint32_t cen_number = 0;                         // 0: not attached
  std::vector<const model::CenRoute*> cen_routes;  // of this Vpc
  std::vector<const model::Node*> nodes;           // where it stands, by number

  bool stands_on(const model::Node* node) const;
  /// The vSwitch that holds all of `prefix`, or nullptr.
  const model::VSwitch* vswitch_around(const net::Prefix& prefix) const;

 private:
  friend VpcSite place(const model::Model&, const model::Users&, const model::Vpc&);
  std::vector<const model::VSwitch*> by_address_;  // vSwitches do not overlap
};

/// The place of `vpc`. References that lead nowhere are skipped: validate() has refused them.
/// @param users  of `model`
VpcSite place(const model::Model& model, const model::Users& users, const model::Vpc& vpc);

nodestate::TunnelId tunnel_of(const model::IpsecConnection& connection);
/// The link from any node to `peer`, as that node numbers it.
nodestate::TunnelId link_to(const model::Node& peer);
nodestate::PortId port_of(const model::Instance& instance);

}  // namespace farspan::compiler
