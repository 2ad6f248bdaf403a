// SPDX-License-Identifier: Apache-2.0
// YAML text of JSON values that every reader of YAML 1.1 and 1.2 reads as the same values.
//
// A text stays bare only when no reader takes it for anything else: YAML 1.1 reads on, 007, 1e3,
// 12:30, 2024-01-01 and, by the letter, 172.16.1.10 as no strings. All others are quoted as in
// JSON.
//
// Threads: none; every function is pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace farspan::documents {

/// In block style with 2 spaces per level, lists of scalars in brackets; ends with a line feed.
std::string yaml_text(const nlohmann::ordered_json& value);

}  // namespace farspan::documents
