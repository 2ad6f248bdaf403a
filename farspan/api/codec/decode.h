// SPDX-License-Identifier: Apache-2.0
// Decode: a value that somebody wrote → a protobuf message, checked against the schema field by
// field.
//
// By reflection, so the schema in proto/ is the only list of fields. Protobuf's own JSON parser is
// not used because it stops at the first fault and knows neither YAML, nor lines, nor what was
// meant.
//
// Internal to api/codec.
#pragma once

#include <map>
#include <string>

#include "farspan/api/codec/value.h"

namespace google::protobuf {
class Message;
}

namespace farspan::api::codec {

/// Where each field of a document was written: "rules[2].ports" → 41.
using Lines = std::map<std::string, int>;

struct DecodeFaults {
  std::string resource;  // "VSwitch web"
  std::string type;      // "VSwitch", for "is not a field of VSwitch"
  Errors& errors;
  Lines& lines;

  void add(const std::string& field, std::string what, std::string remedy) const {
    errors.push_back({ErrorCode::kInvalid, resource, field, std::move(what), std::move(remedy)});
  }
};

/// Fills `message` from the map `value`; null counts as left out. Faults are added under field
/// names that start with `path` ("", "ike").
void decode(const Value& value, const std::string& path, google::protobuf::Message& message,
            const DecodeFaults& faults);

}  // namespace farspan::api::codec
