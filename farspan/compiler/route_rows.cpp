// SPDX-License-Identifier: Apache-2.0
// Route rows: the active routes of a Vpc's RIB as entries of its VRF on one node.
//
//   vSwitch of a Vpc on this node   prefix → unreachable, router → router,
//                                   each instance → its port here, or the link to its node
//   vSwitch of a Vpc elsewhere      prefix → link to that Vpc's first node,
//                                   instances on other nodes → the links to these
//   connection                      its tunnel on the gateway's node,
//                                   elsewhere the link to that node
//
// Over a link goes the label of the Vpc that owns the destination, so the far node looks it up in
// that Vpc's VRF. Two Vpcs of one Cen on the same node need no link: a row of one leads straight to
// the port or tunnel of the other.
#include <algorithm>

#include "farspan/compiler/rows.h"

namespace farspan::compiler {
namespace {

using nodestate::NextHop;
using nodestate::RouteKey;
using nodestate::TableKind;

class Rows {
 public:
  Rows(const VpcSite& site, const model::Node& node, RouteRows& rows)
      : site_(site), node_(node), rows_(rows) {}

  void add(const RibRoute& route) {
    if (route.vswitch != nullptr) {
      route.owner->stands_on(&node_) ? add_near_vswitch(route) : add_far_vswitch(route);
    } else {
      add_connection(route);
    }
  }

 private:
  void add_near_vswitch(const RibRoute& route) {
    put(route, route.vswitch->cidr, {nodestate::Unreachable{}});
    put_host(route, model::gateway_of(route.vswitch->cidr), {nodestate::ToRouter{}});
    for_each_instance(route, [&](const model::Instance& instance, const model::Node& at) {
      put_host(
          route, instance.address,
          &at == &node_ ? Hop{nodestate::ToPort{port_of(instance)}} : over_link(at, *route.owner));
    });
  }

  void add_far_vswitch(const RibRoute& route) {
    if (route.owner->nodes.empty()) return;  // nothing of that Vpc runs anywhere
    const model::Node& first = *route.owner->nodes.front();
    put(route, route.vswitch->cidr, over_link(first, *route.owner));
    for_each_instance(route, [&](const model::Instance& instance, const model::Node& at) {
      if (&at != &first) put_host(route, instance.address, over_link(at, *route.owner));
    });
  }

  void add_connection(const RibRoute& route) {
    const model::Node& at = *route.owner->gateway_node;
    put(route, route.candidate.destination,
        &at == &node_ ? Hop{nodestate::ToTunnel{tunnel_of(*route.connection), std::nullopt}}
                      : over_link(at, *route.owner));
  }

  template <class Visit>
  static void for_each_instance(const RibRoute& route, Visit&& visit) {
    const auto instances = route.owner->instances.find(route.vswitch);
    if (instances == route.owner->instances.end()) return;
    for (const model::Instance* instance : instances->second) {
      const auto at =
          std::find_if(route.owner->nodes.begin(), route.owner->nodes.end(),
                       [&](const model::Node* node) { return node->meta.name == instance->node; });
      if (at != route.owner->nodes.end()) visit(*instance, **at);
    }
  }

  struct Hop {
    NextHop next_hop;
    const model::Node* peer = nullptr;  // over the link to it
  };
  static Hop over_link(const model::Node& peer, const VpcSite& owner) {
    return {nodestate::ToTunnel{link_to(peer), owner.label}, &peer};
  }

  // An address of another Vpc that this one has in a vSwitch of its own stays its own.
  void put_host(const RibRoute& route, const net::Address& address, const Hop& hop) {
    const net::Prefix host = net::Prefix::host(address);
    if (route.owner == &site_ || site_.vswitch_around(host) == nullptr) put(route, host, hop);
  }

  // Only the gateway's node has packets that came out of an office's tunnel.
  void put(const RibRoute& route, const net::Prefix& destination, const Hop& hop) {
    RouteKey key{site_.vrf, TableKind::kVpc, destination, route.candidate.source};
    if (route.candidate.is_in_vpc) rows_.put(node_, key, hop.next_hop, hop.peer);
    if (site_.gateway_node != &node_) return;
    key.table = TableKind::kGateway;
    rows_.put(node_, key, hop.next_hop, hop.peer);
  }

  const VpcSite& site_;
  const model::Node& node_;
  RouteRows& rows_;
};

}  // namespace

void add_route_rows(const VpcSite& site, const RibRoute& route, RouteRows& rows) {
  for (const model::Node* node : site.nodes) Rows(site, *node, rows).add(route);
}

}  // namespace farspan::compiler
