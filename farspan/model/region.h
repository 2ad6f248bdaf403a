// SPDX-License-Identifier: Apache-2.0
// Region: a place; groups nodes and VPCs.
#pragma once

#include "farspan/model/meta.h"

namespace farspan::model {

struct Region {
  static constexpr const char* kKind = "Region";
  static constexpr const char* kSays = "A place; groups nodes and Vpcs.";
  Meta meta;

  bool operator==(const Region&) const = default;
};

void describe(auto& visit, Is<Region> auto& /*region*/) { (void)visit; }

}  // namespace farspan::model
