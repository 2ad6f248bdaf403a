// SPDX-License-Identifier: Apache-2.0
// Instances: an address of the vSwitch that is free and not the router's, groups of the same Vpc, a
// node of the Vpc's region, and a namespace name that cannot leave /run/netns.
#include <map>
#include <set>

#include "farspan/model/faults.h"
#include "farspan/model/limits.h"

namespace farspan::model {
namespace {

void check_address(const Instance& instance, const VSwitch& vswitch, Faults& faults) {
  const net::Prefix& cidr = vswitch.cidr;
  const std::string at = "VSwitch " + vswitch.meta.name + " (" + cidr.text() + ")";
  if (!cidr.contains(instance.address)) {
    if (faults.is_done_by(vswitch, instance)) {
      faults.add(Owner::of(vswitch), "cidr",
                 "would leave Instance " + instance.meta.name + " (" + instance.address.text() +
                     ") outside",
                 "give it an address inside, or delete it, together with this change",
                 ErrorCode::kConflict);
      return;
    }
    faults.add(instance, "address", instance.address.text() + " is outside " + at,
               "choose an address inside");
    return;
  }
  const uint32_t address = instance.address.v4();
  const uint32_t first = cidr.address().v4(), last = cidr.last().v4();
  if (address == first || address >= last - 2) {
    faults.add(instance, "address",
               instance.address.text() + " is reserved in " + at +
                   ": the first and the last three addresses are",
               "choose one from " + net::Address::v4(first + 1).text() + " to " +
                   net::Address::v4(last - 3).text());
  }
}

void check_groups(const Instance& instance, const Vpc& vpc, Faults& faults) {
  const auto& groups = instance.security_groups;
  std::set<std::string> seen;
  for (size_t i = 0; i < groups.size(); ++i) {
    const std::string field = indexed("security_groups", i);
    const SecurityGroup* group = faults.refer<SecurityGroup>(instance, field, groups[i]);
    if (group == nullptr) continue;
    if (group->vpc != vpc.meta.name && faults.is_done_by(*group, instance)) {
      faults.add(Owner::of(*group), "vpc",
                 "cannot change: Instance " + instance.meta.name + " of Vpc " + vpc.meta.name +
                     " is a member",
                 "take the instance out of the group before or together with this change",
                 ErrorCode::kConflict);
    } else if (group->vpc != vpc.meta.name) {
      faults.add(instance, field, groups[i] + " belongs to Vpc " + group->vpc,
                 "name a SecurityGroup of Vpc " + vpc.meta.name);
    }
    if (!seen.insert(groups[i]).second)
      faults.add(instance, field, groups[i] + " is named twice", "name it once");
  }
}

void check_node(const Instance& instance, const Vpc& vpc, const Node& node, Faults& faults) {
  if (node.region == vpc.region) return;
  faults.add(instance, "node",
             node.meta.name + " is in Region " + node.region + " but Vpc " + vpc.meta.name +
                 " in Region " + vpc.region,
             "name a node of Region " + vpc.region);
}

}  // namespace

void check_instances(const Model& model, Faults& faults) {
  std::map<std::pair<std::string, net::Address>, const Instance*> by_address;
  std::map<std::pair<std::string, std::string>, const Instance*> by_netns;
  for (const Instance* each : by_age<Instance>(faults)) {
    const Instance& instance = *each;
    const VSwitch* vswitch = faults.refer<VSwitch>(instance, "vswitch", instance.vswitch);
    const Node* node = faults.refer<Node>(instance, "node", instance.node);
    const Vpc* vpc = vswitch != nullptr ? model.find<Vpc>(vswitch->vpc) : nullptr;
    if (vpc != nullptr) {
      if (vswitch->cidr.family() == net::Family::kIpv4) check_address(instance, *vswitch, faults);
      check_groups(instance, *vpc, faults);
      if (node != nullptr) check_node(instance, *vpc, *node, faults);
      const auto [standing, is_new] =
          by_address.emplace(std::pair(vpc->meta.name, instance.address), &instance);
      if (!is_new) {
        faults.add(instance, "address",
                   instance.address.text() + " is also that of Instance " +
                       standing->second->meta.name + " in Vpc " + vpc->meta.name,
                   "choose a free address");
      }
    }
    if (instance.netns.empty()) continue;
    if (instance.netns == "." || instance.netns == "..") {
      faults.add(instance, "netns", instance.netns + " is not the name of a network namespace",
                 "name one of /run/netns");
      continue;
    }
    const auto [standing, is_new] =
        by_netns.emplace(std::pair(instance.node, instance.netns), &instance);
    if (!is_new) {
      faults.add(instance, "netns",
                 instance.netns + " is also that of Instance " + standing->second->meta.name +
                     " on Node " + instance.node,
                 "give each instance a namespace of its own");
    }
  }
}

}  // namespace farspan::model
