// SPDX-License-Identifier: Apache-2.0
// What a Vpc learns through its Cen, and what it refuses to learn (docs/spec/routes.md).
#include "farspan/compiler/rib.h"

namespace farspan::compiler {
namespace {

// Why `site` cannot take `destination` from another Vpc, given what it has; empty when it can.
std::string conflict(const VpcSite& site, const net::Prefix& destination, const Rib& rib,
                     const ActiveDestinations& active) {
  if (const model::VSwitch* around = site.vswitch_around(destination)) {
    return (around->cidr == destination ? "equal to" : "more specific than") +
           std::string(" the local VSwitch ") + around->meta.name + " (" + around->cidr.text() +
           ")";
  }
  const auto equal = active.find(destination);
  if (equal == active.end()) return {};
  const RibRoute& standing = rib[equal->second];
  if (standing.candidate.origin == RouteOrigin::kCen) {
    return "Vpc " + standing.owner->vpc->meta.name + " announced the same prefix first";
  }
  return "a local route to " + standing.candidate.next_hop + " has the same destination";
}

}  // namespace

void add_cen_routes(const VpcSite& site, const VpcSite& from, const Rib& announced, Rib& rib,
                    ActiveDestinations& active) {
  for (const RibRoute& original : announced) {
    if (!original.is_active() || !original.candidate.is_published_to_cen) continue;
    RibRoute route = original;  // leads to the same vSwitch or connection of `from`
    route.candidate.origin = RouteOrigin::kCen;
    route.candidate.next_hop = "Vpc " + from.vpc->meta.name;
    route.candidate.is_in_vpc = true;
    route.candidate.is_published_to_cen = false;
    if (const std::string why = conflict(site, route.candidate.destination, rib, active);
        !why.empty()) {
      route.candidate.state = RouteState::kRejected;
      route.candidate.reason = why;
    } else {
      active.emplace(route.candidate.destination, rib.size());
      route.candidate.reason = "learned through Cen " + site.cen + ": " +
                               (route.vswitch != nullptr ? "VSwitch " + route.vswitch->meta.name
                                                         : "published route to IpsecConnection " +
                                                               route.connection->meta.name);
    }
    rib.push_back(std::move(route));
  }
}

}  // namespace farspan::compiler
