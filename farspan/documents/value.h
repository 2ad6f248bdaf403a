// SPDX-License-Identifier: Apache-2.0
// Value: a document as it was written, before anybody asks what it means. YAML and JSON both become
// this.
//
// Scalars keep their text, because only the description of a field knows whether 080 is a number or
// a name. Every value knows where it stands, so that a fault can be found in a file of thousands
// of lines.
//
// Internal to documents/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "farspan/base/result.h"

namespace farspan::documents {

/// A place in a text, both from 1; columns count bytes.
struct Mark {
  int line = 0, column = 0;
  bool operator==(const Mark&) const = default;
};

struct Member;

struct Value {
  enum class Kind : uint8_t {
    kNull,
    kBool,    // JSON true, false
    kNumber,  // JSON 12
    kPlain,   // YAML scalar without quotes: a word, a number or a bool, as the field likes
    kString,  // in quotes
    kList,
    kMap,
  };
  Kind kind = Kind::kNull;
  Mark mark;
  std::string text;             // of scalars
  std::vector<Value> items;     // of a list
  std::vector<Member> members;  // of a map, in the order written, repeated keys included

  bool is_scalar() const { return kind != Kind::kList && kind != Kind::kMap; }
  /// The value of the first member called `key`, or nullptr.
  const Value* find(std::string_view key) const;
};

struct Member {
  std::string key;
  Mark mark;
  Value value;
};

/// Where the field `path` ("rules[2].ports") is written in the map `value`; of a field that is
/// missing, the innermost written one that holds it.
Mark mark_of(const Value& value, std::string_view path);

/// Builds values from the events of a streaming parser and keeps their depth and number bounded.
class ValueBuilder {
 public:
  /// @return false when a bound is passed; `why()` says which
  bool scalar(Value::Kind kind, std::string text, Mark mark);
  bool begin(Value::Kind kind, Mark mark);
  bool key(std::string text, Mark mark);
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

/// Why a text could not be read, and where. Never a part of the text: it may hold a secret.
struct Unreadable {
  Mark mark;
  std::string what, remedy;
};

/// What of a text can be read: all of it when `fault` is empty.
struct ReadValues {
  std::vector<Value> documents;
  std::vector<Unreadable> fault;  // none or one
};

/// One value per document of `text`. @pre text is UTF-8 of at most kMaxTextBytes
ReadValues read_yaml(std::string_view text);  // read_yaml.cpp
ReadValues read_json(std::string_view text);  // read_json.cpp

}  // namespace farspan::documents
