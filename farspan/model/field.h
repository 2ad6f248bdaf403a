// SPDX-License-Identifier: Apache-2.0
// Field: what is known of one field of a kind besides its C++ member, said once.
//
// Beside each struct of the model stands a function that goes through its members:
//
//   void describe(auto& visit, Is<VSwitch> auto& vswitch) {
//     visit({.name = "cidr", .says = "Its subnet, …", .is_required = true}, vswitch.cidr);
//   }
//
// Whoever needs to know all fields is such a visitor: the reader and the printer of documents, the
// bytes of the store, the JSON Schema, `farspan explain`, docs/resources.md, the limits that
// validate() enforces, random resources for tests. A new field is one member and one line here;
// describe_test.cpp fails when a member is left out.
//
// A visitor is called in one of three ways:
//   visit(field, member)          text, number, truth value, address, prefix, ports; a list; a part
//   visit(field, member, words)   a member of an enumeration, or a bool that is written as a word
//   visit.either(a, b, member)    a variant: exactly one of the fields a and b is written
// The member is const when the resource is.
//
// Not here: rules between fields and between resources (validate_*.cpp).
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace farspan::model {

enum class Access : uint8_t {
  kDeclared,  // people write it, and see it
  kSecret,    // people write it; it is kept, and no answer, difference or fault shows it
  kGiven,     // Farspan makes it; it is kept, and documents have no such field
};

struct Field {
  const char* name;                 // as in documents
  const char* says;                 // one sentence for people
  const char* refers_to = nullptr;  // the kind whose resource it names
  bool is_required = false;
  Access access = Access::kDeclared;
  const char* unit = "";
  /// Bounds of a number; of the characters of a text; of the items of a list. None when both are 0.
  int64_t least = 0, most = 0;
  /// What a text may hold besides letters and digits; null: anything that is one line.
  const char* punctuation = nullptr;
  const char* if_left_out = "";  // when that is no value that could be written
  const char* example = "";      // when the default is none

  bool has_bounds() const { return least != 0 || most != 0; }
};

/// How a value of an enumeration is written. The first word of a field is its default.
template <class Value>
struct Word {
  Value value;
  std::string_view word;
  const char* says = "";
};
template <class Value, size_t kCount>
using Words = std::array<Word<Value>, kCount>;

/// The word for `value`; empty when the field cannot be written so (validate() refuses it).
template <class Value, size_t kCount>
std::string_view word_of(const Words<Value, kCount>& words, Value value) {
  for (const auto& known : words) {
    if (known.value == value) return known.word;
  }
  return {};
}

/// The value written as `word`; nothing when there is no such word.
template <class Value, size_t kCount>
std::optional<Value> value_of(const Words<Value, kCount>& words, std::string_view word) {
  for (const auto& known : words) {
    if (known.word == word) return known.value;
  }
  return std::nullopt;
}

/// T or const T: what describe() of T takes.
template <class Given, class T>
concept Is = std::same_as<std::remove_const_t<Given>, T>;

}  // namespace farspan::model
