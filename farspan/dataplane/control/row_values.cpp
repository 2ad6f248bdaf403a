// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/row_values.h"

#include "farspan/net/address.h"

namespace farspan::dataplane {
namespace {

constexpr uint32_t kFirstLabel = 16, kLabels = 1 << 20;
constexpr size_t kMaxQuoted = 64;  // bytes of a bad value that go into an error

}  // namespace

std::string quoted(std::string_view value) {
  std::string text = "'";
  for (const char c : value.substr(0, kMaxQuoted)) text += c >= ' ' && c <= '~' ? c : '?';
  return text + (value.size() > kMaxQuoted ? "…'" : "'");
}

std::optional<Prefix4> prefix_of(const std::string& text) {
  const auto parsed = net::Prefix::parse(text);
  if (!parsed || !parsed->address().is_v4()) return std::nullopt;
  return Prefix4{parsed->address().v4(), static_cast<uint8_t>(parsed->length())};
}

Result<Prefix4> prefix(const std::string& row, const std::string& field, const std::string& text) {
  const auto parsed = prefix_of(text);
  if (!parsed) return row_error(row, field, quoted(text) + " is no IPv4 prefix");
  return *parsed;
}

Result<uint32_t> address(const std::string& row, const std::string& field,
                         const std::string& text) {
  const auto parsed = net::Address::parse(text);
  if (!parsed || !parsed->is_v4())
    return row_error(row, field, quoted(text) + " is no IPv4 address");
  return parsed->v4();
}

bool is_label(uint32_t value) { return value >= kFirstLabel && value < kLabels; }

Error label_out_of_range(const std::string& row, const std::string& field, uint32_t label) {
  return row_error(row, field, std::to_string(label) + " is not within 16 to 1048575");
}

Error comes_twice(const std::string& row) {
  return row_error(row, "", "comes twice in one batch", "send each row once");
}

}  // namespace farspan::dataplane
