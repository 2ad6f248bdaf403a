// SPDX-License-Identifier: Apache-2.0
// VPN gateways and customer gateways: one gateway per Vpc on a node of its region, one office per
// address.
#include <map>

#include "farspan/model/faults.h"
#include "farspan/net/reserved.h"

namespace farspan::model {
namespace {

void check_gateways(Faults& faults) {
  std::map<const Vpc*, const VpnGateway*> by_vpc;
  for (const VpnGateway* each : by_age<VpnGateway>(faults)) {
    const VpnGateway& gateway = *each;
    const Vpc* vpc = faults.refer<Vpc>(gateway, "vpc", gateway.vpc);
    const Node* node = faults.refer<Node>(gateway, "node", gateway.node);
    if (vpc == nullptr) continue;
    const auto [standing, is_new] = by_vpc.emplace(vpc, &gateway);
    if (!is_new) {
      faults.add(gateway, "vpc",
                 vpc->meta.name + " already has VpnGateway " + standing->second->meta.name,
                 "use that one; a Vpc has one gateway");
    }
    if (node != nullptr && node->region != vpc->region) {
      faults.add(gateway, "node",
                 node->meta.name + " is in Region " + node->region + " but Vpc " + vpc->meta.name +
                     " in Region " + vpc->region,
                 "name a node of Region " + vpc->region);
    }
  }
}

void check_customer_gateways(const Model& model, Faults& faults) {
  std::map<net::Address, Owner> by_address;
  std::map<net::Address, const Node*> nodes;
  for (const auto& [name, node] : model.all<Node>()) {
    by_address.emplace(node.public_address, Owner::of(node));
    nodes.emplace(node.public_address, &node);
  }
  for (const CustomerGateway* each : by_age<CustomerGateway>(faults)) {
    const CustomerGateway& office = *each;
    const net::Address& address = office.address;
    if (!address.is_v4()) {
      faults.add(office, "address", address.text() + " is IPv6",
                 "give an IPv4 address; the underlay is IPv4 only");
      continue;
    }
    if (const net::ReservedRange* range = net::reserved_overlap(net::Prefix::host(address))) {
      faults.add(
          office, "address",
          address.text() + " lies inside " + range->prefix.text() + " (" + range->use + ")",
          "give the address from which the office's device, or the NAT device before it, appears");
      continue;
    }
    const auto [standing, is_new] = by_address.emplace(address, Owner::of(office));
    if (const auto node = nodes.find(address);
        node != nodes.end() && faults.is_done_by(*node->second, office)) {
      faults.add(*node->second, "public_address",
                 address.text() + " is also that of CustomerGateway " + office.meta.name,
                 "give the node an address of its own");
    } else if (!is_new) {
      faults.add(office, "address", address.text() + " is also that of " + standing->second.label(),
                 "use that resource, or correct the address");
    }
  }
}

}  // namespace

void check_vpn_gateways(const Model& model, Faults& faults) {
  check_gateways(faults);
  check_customer_gateways(model, faults);
}

}  // namespace farspan::model
