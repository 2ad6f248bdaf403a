// SPDX-License-Identifier: Apache-2.0
// Bounds: does a value keep to what its field's description allows, and how is it said?
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "farspan/model/field.h"

namespace farspan::model {

struct BoundsFault {
  std::string what, remedy;
};

/// "use 60 to 86400 seconds".
std::string bounds_text(const Field& field);

/// What of `field` these values break; nothing when they are as they should be.
std::optional<BoundsFault> check_number(const Field& field, int64_t number);
std::optional<BoundsFault> check_count(const Field& field, size_t items);
/// An empty text means that nothing was given, and is in no bounds. Never repeats a secret.
std::optional<BoundsFault> check_text(const Field& field, const std::string& text);

}  // namespace farspan::model
