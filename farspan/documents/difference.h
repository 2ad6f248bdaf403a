// SPDX-License-Identifier: Apache-2.0
// Difference: what of a resource changes, field by field, as people would write it: what a plan
// shows, and what the audit keeps.
//
// Parts in a list (rules of a group) are told apart by what they say, not by where they stand: one
// that goes is one change, however many follow it.
//
// Threads: none; every function is pure.
#pragma once

#include <string>
#include <vector>

#include "farspan/model/any_resource.h"

namespace farspan::documents {

/// Stands for every secret.
inline constexpr const char* kSecretShown = "(secret)";

struct FieldChange {
  std::string field;     // "ike.version"; "rules[2].ports"; "description"
  std::string from, to;  // empty when nothing is written
  bool operator==(const FieldChange&) const = default;
};

/// The fields in which `after` differs from `before`, in the order of the description. Null: there
/// is no resource then, and every written field of the other one differs. A secret is never told,
/// only that it changes.
/// @pre both are of one kind, and not both null
std::vector<FieldChange> difference(const model::AnyResource* before,
                                    const model::AnyResource* after);

}  // namespace farspan::documents
