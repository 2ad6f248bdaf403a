// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/vici/message.h"

#include <charconv>

namespace farspan::vici {
namespace {

enum Element : uint8_t {
  kSectionStart = 1,
  kSectionEnd = 2,
  kKeyValue = 3,
  kListStart = 4,
  kListItem = 5,
  kListEnd = 6,
};

constexpr size_t kMaxName = 255;
constexpr size_t kMaxValue = 65535;

Error malformed(std::string what) {
  return {ErrorCode::kInvalid, "VICI message", "", std::move(what),
          "report it: charon 5.9.8 is expected"};
}

// ---- writing ----

bool put_name(std::string& out, Element element, const std::string& name) {
  if (name.empty() || name.size() > kMaxName) return false;
  out.push_back(static_cast<char>(element));
  out.push_back(static_cast<char>(name.size()));
  out += name;
  return true;
}

bool put_value(std::string& out, const std::string& value) {
  if (value.size() > kMaxValue) return false;
  out.push_back(static_cast<char>(value.size() >> 8));
  out.push_back(static_cast<char>(value.size() & 0xff));
  out += value;
  return true;
}

bool put_section(std::string& out, const Section& section, int depth);

bool put_entry(std::string& out, const Entry& entry, int depth) {
  if (const auto* value = std::get_if<std::string>(&entry.content)) {
    return put_name(out, kKeyValue, entry.name) && put_value(out, *value);
  }
  if (const auto* items = std::get_if<std::vector<std::string>>(&entry.content)) {
    if (!put_name(out, kListStart, entry.name)) return false;
    for (const std::string& item : *items) {
      out.push_back(kListItem);
      if (!put_value(out, item)) return false;
    }
    out.push_back(kListEnd);
    return true;
  }
  if (!put_name(out, kSectionStart, entry.name)) return false;
  if (!put_section(out, std::get<Section>(entry.content), depth + 1)) return false;
  out.push_back(kSectionEnd);
  return true;
}

bool put_section(std::string& out, const Section& section, int depth) {
  if (depth > kMaxDepth) return false;
  for (const Entry& entry : section.entries()) {
    if (!put_entry(out, entry, depth)) return false;
  }
  return true;
}

// ---- reading ----

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }
  bool take_byte(uint8_t& byte) {
    if (rest_.empty()) return false;
    byte = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return true;
  }
  bool take_name(std::string& name) {
    uint8_t length = 0;
    return take_byte(length) && length > 0 && take(length, name);
  }
  bool take_value(std::string& value) {
    uint8_t high = 0, low = 0;
    return take_byte(high) && take_byte(low) && take(size_t{high} << 8 | low, value);
  }

 private:
  bool take(size_t length, std::string& out) {
    if (length > rest_.size()) return false;
    out.assign(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return true;
  }
  std::string_view rest_;
};

bool read_list(Reader& reader, std::vector<std::string>& items) {
  uint8_t element = 0;
  while (reader.take_byte(element)) {
    if (element == kListEnd) return true;
    if (element != kListItem || !reader.take_value(items.emplace_back())) return false;
  }
  return false;
}

/// Reads elements up to the section's end, which is the message's end at depth 0.
bool read_section(Reader& reader, Section& section, int depth) {
  if (depth > kMaxDepth) return false;
  while (!reader.at_end()) {
    uint8_t element = 0;
    std::string name, value;
    reader.take_byte(element);
    if (element == kSectionEnd) return depth > 0;
    if (element != kSectionStart && element != kKeyValue && element != kListStart) return false;
    if (!reader.take_name(name)) return false;
    if (element == kKeyValue) {
      if (!reader.take_value(value)) return false;
      section.set(std::move(name), std::move(value));
    } else if (element == kListStart) {
      std::vector<std::string> items;
      if (!read_list(reader, items)) return false;
      section.list(std::move(name), std::move(items));
    } else if (!read_section(reader, section.section(std::move(name)), depth + 1)) {
      return false;
    }
  }
  return depth == 0;
}

}  // namespace

Section& Section::set(std::string name, std::string value) {
  entries_.push_back({std::move(name), std::move(value)});
  return *this;
}

Section& Section::list(std::string name, std::vector<std::string> items) {
  entries_.push_back({std::move(name), std::move(items)});
  return *this;
}

Section& Section::section(std::string name) { return section(std::move(name), Section{}); }

Section& Section::section(std::string name, Section content) {
  entries_.push_back({std::move(name), std::move(content)});
  return std::get<Section>(entries_.back().content);
}

std::string_view Section::value(std::string_view name, std::string_view otherwise) const {
  for (const Entry& entry : entries_) {
    if (entry.name != name) continue;
    if (const auto* value = std::get_if<std::string>(&entry.content)) return *value;
  }
  return otherwise;
}

uint64_t Section::number(std::string_view name, uint64_t otherwise) const {
  const std::string_view text = value(name);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : otherwise;
}

const Section* Section::find(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.name != name) continue;
    if (const auto* section = std::get_if<Section>(&entry.content)) return section;
  }
  return nullptr;
}

const std::vector<std::string>* Section::find_list(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.name != name) continue;
    if (const auto* items = std::get_if<std::vector<std::string>>(&entry.content)) return items;
  }
  return nullptr;
}

Result<std::string> encode(const Section& section) {
  std::string out;
  if (!put_section(out, section, 0))
    return malformed("a name, a value or the nesting is too long to be written");
  if (out.size() > kMaxMessage)
    return malformed("longer than " + std::to_string(kMaxMessage) + " bytes");
  return out;
}

Result<Section> decode(std::string_view bytes) {
  if (bytes.size() > kMaxMessage)
    return malformed("longer than " + std::to_string(kMaxMessage) + " bytes");
  Reader reader(bytes);
  Section section;
  if (!read_section(reader, section, 0))
    return malformed("the elements are not balanced or end too early");
  return section;
}

}  // namespace farspan::vici
