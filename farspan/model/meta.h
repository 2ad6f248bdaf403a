// SPDX-License-Identifier: Apache-2.0
// Meta: what every declared resource carries besides its own fields.
#pragma once

#include <cstdint>
#include <string>

#include "farspan/model/field.h"
#include "farspan/model/limits.h"

namespace farspan::model {

struct Meta {
  std::string name;  // unique within its kind; 1-63 of a-z 0-9 '-', starting with a letter
  std::string description;
  /// Given by the store when the resource is created, unique over all kinds, never used again. The
  /// ids of the data plane (VRF, port, tunnel, security group) come from it, so a change to one
  /// resource renumbers no other.
  uint32_t number = 0;

  bool operator==(const Meta&) const = default;
};

void describe(auto& visit, Is<Meta> auto& meta) {
  visit({.name = "name",
         .says = "What it is called, unique within its kind: a-z, 0-9 and '-', a letter first.",
         .is_required = true,
         .least = 1,
         .most = limits::kNameLength,
         .punctuation = "-",
         .example = "us-east"},
        meta.name);
  visit({.name = "description",
         .says = "Free text for people, in one line.",
         .most = limits::kDescriptionLength,
         .example = "our offices in Ohio"},
        meta.description);
  visit({.name = "number",
         .says = "Given when it is created and never used again; ids of the data plane are made "
                 "from it.",
         .access = Access::kGiven},
        meta.number);
}

}  // namespace farspan::model
