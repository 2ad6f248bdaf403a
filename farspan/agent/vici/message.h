// SPDX-License-Identifier: Apache-2.0
// vici::Section: the tree of keys, lists and sub-sections that VICI messages carry, and its wire
// form.
//
// Order and repeated names matter to charon (children, authentication rounds), so a section is a
// sequence of entries and not a map. encode() and decode() are each other's inverse on what both
// accept; decode() is bounded in length and depth and never reads beyond the message, whoever sent
// it (fuzz/fuzz_vici.cpp).
//
//   section-start 1 name · section-end 2 · key-value 3 name value · list-start 4 name ·
//   list-item 5 value · list-end 6;  a name's length has one byte, a value's two (big endian)
//
// Not here: the packet types and the socket (session.h).
// Standards: none; src/libcharon/plugins/vici/README.md of strongSwan 5.9.8 describes the format.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "farspan/base/result.h"

namespace farspan::vici {

class Section;
struct Entry;

class Section {
 public:
  /// Appends `name = value`; names end up shorter than 256 bytes, values shorter than 65536.
  Section& set(std::string name, std::string value);
  Section& set(std::string name, bool value) {
    return set(std::move(name), std::string(value ? "yes" : "no"));
  }
  Section& set(std::string name, const char* value) {
    return set(std::move(name), std::string(value));
  }
  Section& set(std::string name, uint64_t value) {
    return set(std::move(name), std::to_string(value));
  }
  Section& list(std::string name, std::vector<std::string> items);
  /// Appends an empty sub-section and returns it. The reference lives until the next change of this
  /// section.
  Section& section(std::string name);
  Section& section(std::string name, Section content);

  /// The value of the first `name`, or `otherwise` when there is none.
  std::string_view value(std::string_view name, std::string_view otherwise = {}) const;
  uint64_t number(std::string_view name, uint64_t otherwise = 0) const;  // decimal
  const Section* find(std::string_view name) const;
  const std::vector<std::string>* find_list(std::string_view name) const;
  const std::vector<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  bool operator==(const Section&) const;

 private:
  std::vector<Entry> entries_;
};

struct Entry {
  std::string name;
  std::variant<std::string, std::vector<std::string>, Section> content;
  bool operator==(const Entry&) const = default;
};

inline bool Section::operator==(const Section& other) const { return entries_ == other.entries_; }

inline constexpr size_t kMaxMessage = 512 * 1024;  // charon's own limit of one packet
inline constexpr int kMaxDepth = 16;

/// The wire form of `section`. kInvalid when a name, a value or the whole is too long.
Result<std::string> encode(const Section& section);

/// The section written as `bytes`. kInvalid when it is malformed.
Result<Section> decode(std::string_view bytes);

}  // namespace farspan::vici
