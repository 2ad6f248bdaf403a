// SPDX-License-Identifier: Apache-2.0
// Vpc: an isolated private network in one region; implemented as a VRF on the region's nodes.
#pragma once

#include <vector>

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct Vpc {
  static constexpr const char* kKind = "Vpc";
  Meta meta;
  std::string region;
  std::vector<net::Prefix> cidr_blocks;  // the first is the primary one; they do not overlap

  bool operator==(const Vpc&) const = default;
};

}  // namespace farspan::model
