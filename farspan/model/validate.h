// SPDX-License-Identifier: Apache-2.0
// validate: does a whole model make sense? Every refusal of admission comes from here.
//
// The whole model and not one resource, because a transaction may bring a Vpc and its vSwitches at
// once and because deleting is refused by what still refers. Rules by kind in validate_*.cpp.
#pragma once

#include "farspan/base/result.h"
#include "farspan/model/claims.h"
#include "farspan/model/model.h"

namespace farspan::model {

/// Every fault of `model`, in the order of kinds and names; empty when it can be admitted. Changes
/// nothing.
/// @param before  the model that was changed into this one: what stood and is gone, or does not
/// say any more what others rely on, is blamed instead of those who did nothing
Errors validate(const Model& model, const Model& before = {});

/// validate(after, before) for a change of the resources `changed` (created, updated or deleted).
/// To see that nothing is wrong costs what these touch (touched.h), for the kinds of which there
/// are many; to tell what is wrong costs the whole.
/// @param users, claims  of `before`
/// @pre `before` has no fault
Errors validate_change(const Model& before, const Users& users, const Claims& claims,
                       const Model& after, const std::vector<ResourceId>& changed);

}  // namespace farspan::model
