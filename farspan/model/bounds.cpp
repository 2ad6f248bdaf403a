// SPDX-License-Identifier: Apache-2.0
#include "farspan/model/bounds.h"

#include <algorithm>
#include <string_view>

#include "farspan/base/text.h"

namespace farspan::model {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string bounds_text(const Field& field) {
  const std::string unit = *field.unit == '\0' ? "" : std::string(" ") + field.unit;
  if (!field.has_bounds()) return "write a smaller number";
  return "use " + std::to_string(field.least) + " to " + std::to_string(field.most) + unit;
}

std::optional<BoundsFault> check_number(const Field& field, int64_t number) {
  if (!field.has_bounds() || (number >= field.least && number <= field.most)) return std::nullopt;
  return BoundsFault{std::to_string(number) + " is out of range", bounds_text(field)};
}

std::optional<BoundsFault> check_count(const Field& field, size_t items) {
  const auto count = static_cast<int64_t>(items);
  if (count >= field.least && count <= field.most) return std::nullopt;
  if (count == 0)
    return BoundsFault{"is missing", "give " + std::to_string(field.least) + " to " +
                                         std::to_string(field.most) + " of them"};
  return BoundsFault{"has " + std::to_string(items) + " items",
                     "use at most " + std::to_string(field.most)};
}

std::optional<BoundsFault> check_text(const Field& field, const std::string& text) {
  const auto length = static_cast<int64_t>(characters_in(text));
  if (field.has_bounds() && length > field.most)
    return BoundsFault{"has " + std::to_string(length) + " characters",
                       "use at most " + std::to_string(field.most)};
  if (!is_plain_line(text))
    return BoundsFault{"holds control characters or marks that turn the direction of writing",
                       "write it in one line of plain text"};
  if (field.punctuation == nullptr) return std::nullopt;
  const std::string_view allowed = field.punctuation;
  const bool is_allowed = std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter_or_digit(c) || allowed.find(c) != allowed.npos;
  });
  if (is_allowed) return std::nullopt;
  const std::string what = field.access == Access::kSecret ? "holds" : "\"" + text + "\" holds";
  return BoundsFault{what + " a character that is not allowed",
                     "use letters, digits and " + std::string(allowed) + " without blanks"};
}

}  // namespace farspan::model
