// SPDX-License-Identifier: Apache-2.0
// The routes of a VPN gateway: those declared, and one for every remote subnet of every connection
// that nobody declared (the cloud's AutoConfigRoute). Only published ones also stand in the Vpc's
// table.
//
// Connections with 0.0.0.0/0 as remote subnet are in destination routing mode: they get no route of
// their own.
#include <set>
#include <tuple>

#include "farspan/compiler/rib.h"

namespace farspan::compiler {
namespace {

using Key = std::tuple<net::Prefix, std::optional<net::Prefix>>;

RibRoute route_into(const VpcSite& site, const model::IpsecConnection& connection,
                    const net::Prefix& destination) {
  RibRoute route;
  route.owner = &site;
  route.connection = &connection;
  route.candidate.destination = destination;
  route.candidate.origin = RouteOrigin::kVpn;
  route.candidate.next_hop = "IpsecConnection " + connection.meta.name;
  if (const model::VSwitch* around = site.vswitch_around(destination)) {
    route.candidate.state = RouteState::kRejected;
    route.candidate.reason = "lies in VSwitch " + around->meta.name + " (" + around->cidr.text() +
                             "), which goes before";
  }
  return route;
}

// What a gateway's declared routes are looked up in, each thing once per route.
struct Declared {
  explicit Declared(const VpcSite& site) {
    for (const auto* connection : site.connections)
      connections.emplace(connection->meta.name, connection);
    for (const auto* route : site.cen_routes) published.insert(route->destination);
  }
  bool is_published_to_cen(const model::VpnRoute& route) const {
    return route.is_published && !route.source && published.contains(route.destination);
  }

  std::map<std::string, const model::IpsecConnection*> connections;
  std::set<net::Prefix> published;  // to the Cen
};

void reject_if_taken(RibRoute& route, const std::string& by) {
  if (!route.is_active()) return;
  route.candidate.state = RouteState::kRejected;
  route.candidate.reason = by + " has the same destination and stands already";
  route.is_standby = true;
}

}  // namespace

void add_vpn_routes(const VpcSite& site, Rib& rib) {
  const Declared lookup(site);
  std::map<Key, std::string> taken;
  std::set<std::pair<net::Prefix, const model::IpsecConnection*>> declared;
  for (const model::VpnRoute* vpn_route : site.vpn_routes) {
    const auto connection = lookup.connections.find(vpn_route->ipsec_connection);
    if (connection == lookup.connections.end()) continue;
    RibRoute route = route_into(site, *connection->second, vpn_route->destination);
    route.candidate.source = vpn_route->source;
    route.candidate.is_in_vpc = vpn_route->is_published;
    if (!vpn_route->source) declared.emplace(vpn_route->destination, connection->second);
    const std::string label = "VpnRoute " + vpn_route->meta.name;
    const auto [standing, is_new] =
        taken.emplace(Key{vpn_route->destination, vpn_route->source}, label);
    if (!is_new) reject_if_taken(route, standing->second);
    if (route.is_active()) {
      route.candidate.is_published_to_cen = lookup.is_published_to_cen(*vpn_route);
      route.candidate.reason =
          label + (vpn_route->is_published ? ", published to the Vpc" : ", only for the gateway");
    }
    rib.push_back(std::move(route));
  }
  for (const model::IpsecConnection* connection : site.connections) {
    for (const net::Prefix& subnet : connection->remote_subnets) {
      if (subnet.is_default() || declared.contains({subnet, connection})) continue;
      RibRoute route = route_into(site, *connection, subnet);
      route.candidate.is_in_vpc = false;
      const std::string label = "IpsecConnection " + connection->meta.name;
      const auto [standing, is_new] = taken.emplace(Key{subnet, std::nullopt}, label);
      if (!is_new) reject_if_taken(route, standing->second);
      if (route.is_active())
        route.candidate.reason = "remote subnet of the connection, only for the gateway";
      rib.push_back(std::move(route));
    }
  }
}

}  // namespace farspan::compiler
