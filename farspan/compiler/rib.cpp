// SPDX-License-Identifier: Apache-2.0
#include "farspan/compiler/rib.h"

namespace farspan::compiler {

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
    for (const VpcSite& other : placement.sites) {
      if (site.cen.empty() || other.cen != site.cen || &other == &site) continue;
      add_cen_routes(site, other, own[other.vpc->meta.name], ribs[site.vpc->meta.name]);
    }
  }
  return ribs;
}

}  // namespace farspan::compiler
