// SPDX-License-Identifier: Apache-2.0
// Instance: a workload with one address in a VSwitch, plugged into a node through a TAP port.
#pragma once

#include <vector>

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct Instance {
  static constexpr const char* kKind = "Instance";
  Meta meta;
  std::string vswitch;
  net::Address address;
  std::vector<std::string> security_groups;  // 1-5, of the same Vpc
  std::string node;                          // where it runs; of the Vpc's region
  std::string netns;  // name of the network namespace the port is put into; empty: the node's own

  bool operator==(const Instance&) const = default;
};

}  // namespace farspan::model
