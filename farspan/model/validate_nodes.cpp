// SPDX-License-Identifier: Apache-2.0
// Nodes: a region that exists and a public address of one's own.
#include <map>

#include "farspan/model/faults.h"
#include "farspan/net/reserved.h"

namespace farspan::model {

void check_nodes(const Model&, Faults& faults) {
  std::map<net::Address, const Node*> by_address;
  for (const Node* each : by_age<Node>(faults)) {
    const Node& node = *each;
    faults.refer<Region>(node, "region", node.region);
    const net::Address& address = node.public_address;
    if (!address.is_v4()) {
      faults.add(node, "public_address", address.text() + " is IPv6",
                 "give an IPv4 address; the underlay is IPv4 only");
      continue;
    }
    const net::ReservedRange* range = net::reserved_overlap(net::Prefix::host(address));
    if (range != nullptr && range->prefix != net::shared_address_space()) {
      faults.add(node, "public_address",
                 address.text() + " lies inside " + range->prefix.text() + " (" + range->use + ")",
                 "give the address at which offices and other nodes reach this machine");
      continue;
    }
    const auto [standing, is_new] = by_address.emplace(address, &node);
    if (!is_new) {
      faults.add(node, "public_address",
                 address.text() + " is also that of Node " + standing->second->meta.name,
                 "give each node an address of its own");
    }
  }
}

}  // namespace farspan::model
