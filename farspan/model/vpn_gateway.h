// SPDX-License-Identifier: Apache-2.0
// VpnGateway: where a Vpc meets offices; the role of one node in the Vpc's region.
#pragma once

#include "farspan/model/meta.h"

namespace farspan::model {

struct VpnGateway {
  static constexpr const char* kKind = "VpnGateway";
  Meta meta;
  std::string vpc;   // at most one gateway per Vpc
  std::string node;  // its public address is the gateway's

  bool operator==(const VpnGateway&) const = default;
};

}  // namespace farspan::model
