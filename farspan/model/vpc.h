// SPDX-License-Identifier: Apache-2.0
// Vpc: an isolated private network in one region; implemented as a VRF on the region's nodes.
#pragma once

#include <vector>

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct Vpc {
  static constexpr const char* kKind = "Vpc";
  static constexpr const char* kSays = "An isolated private network in one region.";
  Meta meta;
  std::string region;
  std::vector<net::Prefix> cidr_blocks;  // the first is the primary one; they do not overlap

  bool operator==(const Vpc&) const = default;
};

void describe(auto& visit, Is<Vpc> auto& vpc) {
  visit({.name = "region",
         .says = "The Region whose nodes carry it.",
         .refers_to = "Region",
         .is_required = true,
         .example = "us-east"},
        vpc.region);
  visit({.name = "cidr_blocks",
         .says = "Its address space, the primary block first; blocks do not overlap, and their "
                 "prefixes are /8 to /28.",
         .is_required = true,
         .least = 1,
         .most = limits::kCidrBlocksPerVpc,
         .example = "172.16.0.0/16"},
        vpc.cidr_blocks);
}

}  // namespace farspan::model
