// SPDX-License-Identifier: Apache-2.0
// kind_of_path: the kind that a segment of an address means, in any of its spellings.
#pragma once

#include <string>

#include "farspan/base/result.h"

namespace farspan::api {

Result<std::string> kind_of_path(const std::string& word);

}  // namespace farspan::api
