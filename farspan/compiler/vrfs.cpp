// SPDX-License-Identifier: Apache-2.0
// VRFs: one per Vpc on every node it stands on. The label is made from the Vpc's number, so it is
// the same everywhere and no node has to tell another which one it chose.
#include "farspan/compiler/rows.h"

namespace farspan::compiler {

nodestate::Vrf vrf_row(const VpcSite& site) {
  nodestate::Vrf vrf;
  vrf.vpc = site.vpc->meta.name;
  vrf.label = site.label;
  vrf.flow_domain = site.cen_number;
  if (!site.vswitches.empty()) vrf.router = model::gateway_of(site.vswitches.front()->cidr);
  return vrf;
}

}  // namespace farspan::compiler
