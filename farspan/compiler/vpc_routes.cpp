// SPDX-License-Identifier: Apache-2.0
// The system routes of a Vpc: one per vSwitch, announced to its Cen by themselves.
// The rules: docs/spec/routes.md.
#include "farspan/compiler/rib.h"

namespace farspan::compiler {

void add_vpc_routes(const VpcSite& site, Rib& rib) {
  for (const model::VSwitch* vswitch : site.vswitches) {
    RibRoute route;
    route.owner = &site;
    route.vswitch = vswitch;
    route.candidate.destination = vswitch->cidr;
    route.candidate.origin = RouteOrigin::kSystem;
    route.candidate.next_hop = "local";
    route.candidate.is_published_to_cen = !site.cen.empty();
    route.candidate.reason = "VSwitch " + vswitch->meta.name;
    rib.push_back(std::move(route));
  }
}

}  // namespace farspan::compiler
