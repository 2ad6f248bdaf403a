// SPDX-License-Identifier: Apache-2.0
// Value: a document as it was written, before anybody asks what it means. YAML and JSON both become
// this.
//
// Scalars keep their text, because only the schema knows whether 080 is a number or a name. Every
// value knows its line, so that a fault can be found in a file of thousands.
//
// Internal to api/codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "farspan/base/result.h"

namespace farspan::api::codec {

struct Member;

struct Value {
  enum class Kind : uint8_t {
    kNull,
    kBool,    // JSON true, false
    kNumber,  // JSON 12
    kPlain,   // YAML scalar without quotes: a word, a number or a bool, as the schema likes
    kString,  // in quotes
    kList,
    kMap,
  };
  Kind kind = Kind::kNull;
  int line = 0;
  std::string text;             // of scalars
  std::vector<Value> items;     // of a list
  std::vector<Member> members;  // of a map, in the order written, repeated keys included

  bool is_scalar() const { return kind != Kind::kList && kind != Kind::kMap; }
};

struct Member {
  std::string key;
  int line = 0;
  Value value;
};

/// Builds values from the events of a streaming parser and keeps their depth and number bounded.
class ValueBuilder {
 public:
  /// @return false when a bound is passed; `why()` says which
  bool scalar(Value::Kind kind, std::string text, int line);
  bool begin(Value::Kind kind, int line);
  bool key(std::string text, int line);
  bool end();

  /// The next scalar of the innermost open container is a key (YAML has no separate event).
  bool expects_key() const;
  const std::string& why() const { return why_; }
  bool is_complete() const { return open_.empty() && has_root_; }
  Value take();

 private:
  bool place(Value value);

  std::vector<Value> open_;  // containers not closed yet, outermost first
  std::vector<bool> has_key_;
  Value root_;
  bool has_root_ = false;
  size_t values_ = 0;
  std::string why_;
};

/// One value per document of `text`, or an error with its line. @pre text is UTF-8 of at most
/// kMaxTextBytes
Result<std::vector<Value>> read_yaml(std::string_view text);  // read_yaml.cpp
Result<std::vector<Value>> read_json(std::string_view text);  // read_json.cpp

/// RFC 3629: shortest forms, no surrogates.
bool is_utf8(std::string_view text);

}  // namespace farspan::api::codec
