// SPDX-License-Identifier: Apache-2.0
// Meta: what every declared resource carries besides its own fields.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "farspan/model/field.h"
#include "farspan/model/limits.h"

namespace farspan::model {

using Labels = std::map<std::string, std::string>;

struct Meta {
  /// Given when it is created and never changed, whatever it is called later: "vpc-5f3a…". Empty on
  /// resources of a Farspan that had none; id_of() (any_resource.h) has one for them, too.
  std::string id;
  std::string name;  // unique within its kind; 1-63 of a-z 0-9 '-', starting with a letter
  std::string description;
  Labels labels;
  /// Given by the store when the resource is created, unique over all kinds, never used again. The
  /// ids of the data plane (VRF, port, tunnel, security group) come from it, so a change to one
  /// resource renumbers no other.
  uint32_t number = 0;
  int64_t created_at = 0, updated_at = 0;  // milliseconds since 1970; 0: not known

  bool operator==(const Meta&) const = default;
};

void describe(auto& visit, Is<Meta> auto& meta) {
  visit({.name = "id",
         .says = "Given when it is created; it stays when the name changes.",
         .access = Access::kGiven},
        meta.id);
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
  visit({.name = "labels",
         .says = "Words of yours to select it by: a map of names and values, each at most 63 "
                 "letters, digits, '.', '_', '/' and '-'.",
         .most = limits::kLabelsPerResource,
         .punctuation = "._/-",
         .example = "{team: net}"},
        meta.labels);
  visit({.name = "number",
         .says = "Given when it is created and never used again; ids of the data plane are made "
                 "from it.",
         .access = Access::kGiven},
        meta.number);
  visit({.name = "created_at", .says = "When it was created.", .access = Access::kGiven},
        meta.created_at);
  visit({.name = "updated_at", .says = "When it was changed last.", .access = Access::kGiven},
        meta.updated_at);
}

}  // namespace farspan::model
