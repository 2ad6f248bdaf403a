// SPDX-License-Identifier: Apache-2.0
// VpnGateway: where a Vpc meets offices; the role of one node in the Vpc's region.
#pragma once

#include "farspan/model/meta.h"

namespace farspan::model {

struct VpnGateway {
  static constexpr const char* kKind = "VpnGateway";
  static constexpr const char* kSays =
      "Where a Vpc meets offices: a role of one node in its region.";
  Meta meta;
  std::string vpc;   // at most one gateway per Vpc
  std::string node;  // its public address is the gateway's

  bool operator==(const VpnGateway&) const = default;
};

void describe(auto& visit, Is<VpnGateway> auto& gateway) {
  visit({.name = "vpc",
         .says = "The Vpc it opens to offices; a Vpc has at most one gateway.",
         .refers_to = "Vpc",
         .is_required = true,
         .example = "us-east"},
        gateway.vpc);
  visit({.name = "node",
         .says = "The Node whose public address is the gateway's.",
         .refers_to = "Node",
         .is_required = true,
         .example = "us-east-node"},
        gateway.node);
}

}  // namespace farspan::model
