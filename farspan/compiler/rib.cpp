// SPDX-License-Identifier: Apache-2.0
#include "farspan/compiler/rib.h"

namespace farspan::compiler {
namespace {

ActiveDestinations active_destinations(const Rib& rib) {
  ActiveDestinations active;
  for (size_t i = 0; i < rib.size(); ++i) {
    if (rib[i].is_active() && !rib[i].candidate.source)
      active.emplace(rib[i].candidate.destination, i);
  }
  return active;
}

}  // namespace

std::map<std::string, Rib> make_ribs(const Placement& placement) {
  std::map<std::string, Rib>
      own;  // without what is learned: a Vpc does not pass on what others told it
  for (const VpcSite& site : placement.sites) {
    Rib& rib = own[site.vpc->meta.name];
    add_vpc_routes(site, rib);
    add_vpn_routes(site, rib);
  }
  std::map<std::string, Rib> ribs = own;
  for (const VpcSite& site : placement.sites) {
    if (site.cen.empty()) continue;
    Rib& rib = ribs[site.vpc->meta.name];
    ActiveDestinations active = active_destinations(rib);
    for (const VpcSite& other : placement.sites) {
      if (other.cen != site.cen || &other == &site) continue;
      add_cen_routes(site, other, own[other.vpc->meta.name], rib, active);
    }
  }
  return ribs;
}

}  // namespace farspan::compiler
