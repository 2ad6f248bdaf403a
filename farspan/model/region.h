// SPDX-License-Identifier: Apache-2.0
// Region: a place; groups nodes and VPCs.
#pragma once

#include "farspan/model/meta.h"

namespace farspan::model {

struct Region {
  static constexpr const char* kKind = "Region";
  Meta meta;

  bool operator==(const Region&) const = default;
};

}  // namespace farspan::model
