// SPDX-License-Identifier: Apache-2.0
// validate: does a whole model make sense? Every refusal of admission comes from here.
//
// The whole model and not one resource, because a transaction may bring a Vpc and its vSwitches at
// once and because deleting is refused by what still refers. Rules by kind in validate_*.cpp.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "farspan/base/result.h"
#include "farspan/model/model.h"

namespace farspan::model {

/// Kind and name of resources that a change takes out of the model.
using Removed = std::set<std::pair<std::string, std::string>>;

/// Every fault of `model`, in the order of kinds and names; empty when it can be admitted. Changes
/// nothing.
/// @param removed  what was just taken out: where it is still named, the fault is that of the
/// removal
Errors validate(const Model& model, const Removed& removed = {});

}  // namespace farspan::model
