// SPDX-License-Identifier: Apache-2.0
// Instance: a workload with one address in a VSwitch, plugged into a node through a TAP port.
#pragma once

#include <vector>

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct Instance {
  static constexpr const char* kKind = "Instance";
  static constexpr const char* kSays =
      "A workload with one address in a VSwitch, plugged into a node.";
  Meta meta;
  std::string vswitch;
  net::Address address;
  std::vector<std::string> security_groups;  // 1-5, of the same Vpc
  std::string node;                          // where it runs; of the Vpc's region
  std::string netns;  // name of the network namespace the port is put into; empty: the node's own

  bool operator==(const Instance&) const = default;
};

void describe(auto& visit, Is<Instance> auto& instance) {
  visit({.name = "vswitch",
         .says = "The VSwitch it is plugged into.",
         .refers_to = "VSwitch",
         .is_required = true,
         .example = "us-east-apps"},
        instance.vswitch);
  visit({.name = "address",
         .says = "Its address in the VSwitch.",
         .is_required = true,
         .example = "172.16.1.10"},
        instance.address);
  visit({.name = "security_groups",
         .says = "The SecurityGroups whose rules it obeys, of the same Vpc.",
         .refers_to = "SecurityGroup",
         .is_required = true,
         .least = 1,
         .most = limits::kGroupsPerInstance,
         .example = "web"},
        instance.security_groups);
  visit({.name = "node",
         .says = "The Node it runs on, in the region of the Vpc.",
         .refers_to = "Node",
         .is_required = true,
         .example = "us-east-node"},
        instance.node);
  visit({.name = "netns",
         .says = "The network namespace of the node that its port is put into.",
         .most = limits::kNetnsLength,
         .punctuation = "._-",
         .if_left_out = "the node's own namespace",
         .example = "app-us-east"},
        instance.netns);
}

}  // namespace farspan::model
