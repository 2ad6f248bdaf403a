// SPDX-License-Identifier: Apache-2.0
// Meta: what every declared resource carries besides its own fields.
#pragma once

#include <cstdint>
#include <string>

namespace farspan::model {

struct Meta {
  std::string name;         // unique within its kind; 1-63 of a-z 0-9 '-', starting with a letter
  std::string description;  // free text, up to 256 characters
  /// Given by the store when the resource is created, unique over all kinds, never used again. The
  /// ids of the data plane (VRF, port, tunnel, security group) come from it, so a change to one
  /// resource renumbers no other.
  uint32_t number = 0;

  bool operator==(const Meta&) const = default;
};

}  // namespace farspan::model
