// SPDX-License-Identifier: Apache-2.0
// Json: the one JSON type of this folder; members keep the order in which they were written.
//
// Text that did not come from us (a node's words) may be anything, so to_text() replaces what is
// not UTF-8 instead of throwing.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "farspan/api/rest.h"

namespace farspan::api {

using Json = nlohmann::ordered_json;

inline std::string to_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

inline Answer json_answer(const Json& json) {
  return {200, "application/json", to_text(json) + "\n", ""};
}

}  // namespace farspan::api
