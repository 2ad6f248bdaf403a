// SPDX-License-Identifier: Apache-2.0
// Touched: the part of a model in which everything stands that a change could put in the wrong.
//
// A rule looks at a resource, at what it names, at who names it, and at whoever claims the same. So
// the changed resources, these neighbours, and what the neighbours themselves name are a model of
// their own, and rules that find no fault there find none in the whole: admission costs what was
// changed, and there is still one set of rules (validate.h).
//
// Changes of what many stand on (a Vpc, a gateway, a node, an attachment) have no such part.
//
// Inside this folder, and for the test of the law.
#pragma once

#include <optional>
#include <vector>

#include "farspan/model/claims.h"

namespace farspan::model {

/// The part of `after` that a change of `changed` touches; nothing when that is the whole.
/// @param users, claims  of `before`, which has no fault
std::optional<Model> touched_by(const Model& before, const Users& users, const Claims& claims,
                                const Model& after, const std::vector<ResourceId>& changed);

}  // namespace farspan::model
