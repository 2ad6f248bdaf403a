// SPDX-License-Identifier: Apache-2.0
// VPN routes: into a connection of the same gateway whose selectors let them pass, and never over a
// vSwitch.
#include <map>
#include <optional>
#include <tuple>

#include "farspan/model/faults.h"

namespace farspan::model {
namespace {

void check_next_hop(const VpnRoute& route, const IpsecConnection& connection, Faults& faults) {
  if (connection.vpn_gateway != route.vpn_gateway) {
    faults.add(route, "ipsec_connection",
               connection.meta.name + " belongs to VpnGateway " + connection.vpn_gateway,
               "name a connection of VpnGateway " + route.vpn_gateway);
    return;
  }
  const auto covers_it = [&](const net::Prefix& subnet) {
    return subnet.contains(route.destination);
  };
  if (std::none_of(connection.remote_subnets.begin(), connection.remote_subnets.end(), covers_it)) {
    if (faults.is_done_by(connection, route)) {
      faults.add(Owner::of(connection), "remote_subnets",
                 "would leave out " + route.destination.text() + " of VpnRoute " + route.meta.name,
                 "keep a prefix around it, or delete that route together with this change",
                 ErrorCode::kConflict);
      return;
    }
    faults.add(
        route, "destination",
        route.destination.text() + " is outside remote_subnets (" +
            listed(connection.remote_subnets) + ") of IpsecConnection " + connection.meta.name,
        "choose a prefix inside, or add it to the connection: its tunnel carries nothing else");
  }
}

// The Vpc's own vSwitches, sorted by first address, to look up which one holds a prefix.
using VSwitchesOf = std::map<std::string, std::map<net::Address, const VSwitch*>>;

const VSwitch* vswitch_around(const VSwitchesOf& vswitches, const std::string& vpc,
                              const net::Prefix& prefix) {
  const auto of_vpc = vswitches.find(vpc);
  if (of_vpc == vswitches.end()) return nullptr;
  const auto after = of_vpc->second.upper_bound(prefix.address());
  if (after == of_vpc->second.begin()) return nullptr;
  const VSwitch* before = std::prev(after)->second;
  return before->cidr.contains(prefix) ? before : nullptr;
}

}  // namespace

void check_vpn_routes(const Model& model, Faults& faults) {
  VSwitchesOf vswitches;
  for (const auto& [name, vswitch] : model.all<VSwitch>())
    vswitches[vswitch.vpc][vswitch.cidr.address()] = &vswitch;

  std::map<std::tuple<std::string, net::Prefix, std::optional<net::Prefix>>, const VpnRoute*>
      standing;
  for (const VpnRoute* each : by_age<VpnRoute>(faults)) {
    const VpnRoute& route = *each;
    const VpnGateway* gateway = faults.refer<VpnGateway>(route, "vpn_gateway", route.vpn_gateway);
    const auto* connection =
        faults.refer<IpsecConnection>(route, "ipsec_connection", route.ipsec_connection);
    if (route.source == net::Prefix{}) {
      faults.add(route, "source", "0.0.0.0/0 would hide the route without a source",
                 "leave source out: it then is for packets from everywhere");
    } else if (route.source) {
      is_usable_prefix(Owner::of(route), "source", *route.source, faults);
    }
    if (route.destination.is_default()) {
      faults.add(
          route, "destination",
          route.destination.text() + " is not allowed: a VPN gateway is no way to the Internet",
          "name the office's networks");
      continue;
    }
    if (!is_usable_prefix(Owner::of(route), "destination", route.destination, faults)) continue;
    if (gateway == nullptr) continue;
    if (const VSwitch* around = vswitch_around(vswitches, gateway->vpc, route.destination)) {
      faults.add(route, "destination",
                 route.destination.text() + " lies in VSwitch " + around->meta.name + " (" +
                     around->cidr.text() + ") of Vpc " + gateway->vpc,
                 "choose a prefix outside the Vpc's vSwitches");
    }
    if (connection != nullptr) check_next_hop(route, *connection, faults);
    const auto [other, is_new] =
        standing.emplace(std::tuple(route.vpn_gateway, route.destination, route.source), &route);
    if (!is_new) {
      faults.add(route, "destination",
                 route.destination.text() + (route.source ? " from " + route.source->text() : "") +
                     " is already routed by VpnRoute " + other->second->meta.name,
                 "change that route instead");
    }
  }
}

}  // namespace farspan::model
