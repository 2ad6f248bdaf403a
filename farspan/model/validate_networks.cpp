// SPDX-License-Identifier: Apache-2.0
// Vpcs and vSwitches: prefixes of allowed length outside reserved ranges, each vSwitch inside a
// block of its Vpc.
//
// Not here: blocks and vSwitches that overlap (validate_overlaps.cpp).
#include <map>

#include "farspan/model/faults.h"
#include "farspan/model/limits.h"

namespace farspan::model {
namespace {

void check_vpc(const Vpc& vpc, Faults& faults) {
  faults.refer<Region>(vpc, "region", vpc.region);
  for (size_t i = 0; i < vpc.cidr_blocks.size(); ++i) {
    const net::Prefix& block = vpc.cidr_blocks[i];
    if (block.length() < limits::kShortestVpcPrefix || block.length() > limits::kLongestVpcPrefix) {
      faults.add(vpc, indexed("cidr_blocks", i),
                 block.text() + " has a length of " + std::to_string(block.length()),
                 "use /8 to /28");
    } else {
      is_usable_prefix(Owner::of(vpc), indexed("cidr_blocks", i), block, faults);
    }
  }
}

void check_vswitch(const VSwitch& vswitch, const Vpc& vpc, Faults& faults) {
  const net::Prefix& cidr = vswitch.cidr;
  if (cidr.family() == net::Family::kIpv4 && (cidr.length() < limits::kShortestVSwitchPrefix ||
                                              cidr.length() > limits::kLongestVSwitchPrefix)) {
    faults.add(vswitch, "cidr", cidr.text() + " has a length of " + std::to_string(cidr.length()),
               "use /16 to /29");
    return;
  }
  if (!is_usable_prefix(Owner::of(vswitch), "cidr", cidr, faults)) return;
  const auto holds_it = [&](const net::Prefix& block) { return block.contains(cidr); };
  if (std::none_of(vpc.cidr_blocks.begin(), vpc.cidr_blocks.end(), holds_it)) {
    if (faults.is_done_by(vpc, vswitch)) {
      faults.add(Owner::of(vpc), "cidr_blocks",
                 "would leave VSwitch " + vswitch.meta.name + " (" + cidr.text() + ") outside",
                 "keep a block around it, or delete it together with this change",
                 ErrorCode::kConflict);
      return;
    }
    faults.add(
        vswitch, "cidr",
        cidr.text() + " is outside Vpc " + vpc.meta.name + " (" + listed(vpc.cidr_blocks) + ")",
        "choose a prefix inside, or add a block to the Vpc");
  }
}

}  // namespace

void check_networks(const Model& model, Faults& faults) {
  for (const auto& [name, vpc] : model.all<Vpc>()) check_vpc(vpc, faults);

  std::map<const Vpc*, size_t> vswitches;
  for (const VSwitch* each : by_age<VSwitch>(faults)) {
    const VSwitch& vswitch = *each;
    const Vpc* vpc = faults.refer<Vpc>(vswitch, "vpc", vswitch.vpc);
    if (vpc == nullptr) continue;
    check_vswitch(vswitch, *vpc, faults);
    if (++vswitches[vpc] == limits::kVSwitchesPerVpc + 1) {
      faults.add(vswitch, "vpc",
                 vpc->meta.name + " has more than " + std::to_string(limits::kVSwitchesPerVpc) +
                     " vSwitches",
                 "use fewer and larger ones");
    }
  }
}

}  // namespace farspan::model
