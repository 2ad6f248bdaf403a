// SPDX-License-Identifier: Apache-2.0
// Ports: one per instance, on the node where it runs.
#include "farspan/compiler/rows.h"

namespace farspan::compiler {
namespace {

// Locally administered (02) and made from the number, so it stays the same when anything else
// changes.
net::MacAddress mac_of(uint32_t number) {
  return {{0x02, 0xf5, static_cast<uint8_t>(number >> 24), static_cast<uint8_t>(number >> 16),
           static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)}};
}

}  // namespace

nodestate::Port port_row(const model::Model& model, const VpcSite& site,
                         const model::VSwitch& vswitch, const model::Instance& instance) {
  nodestate::Port port;
  port.instance = instance.meta.name;
  port.vrf = site.vrf;
  port.netns = instance.netns;
  port.address = instance.address;
  port.subnet = vswitch.cidr;
  port.gateway = model::gateway_of(vswitch.cidr);
  port.mac = mac_of(instance.meta.number);
  for (const std::string& name : instance.security_groups) {
    if (const auto* group = model.find<model::SecurityGroup>(name)) {
      port.security_groups.emplace_back(group->meta.number);
    }
  }
  return port;
}

}  // namespace farspan::compiler
