// SPDX-License-Identifier: Apache-2.0
#include "farspan/base/text.h"

#include <cstdint>
#include <optional>

namespace farspan {
namespace {

// The code point that `text` starts with, taken off it; nothing, and one byte off, when it starts
// with none.
std::optional<uint32_t> take_character(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  uint32_t code = length == 1 ? lead : lead & (0xffu >> (length + 1));
  bool is_good = length == 1 || (lead >= 0xc2 && lead <= 0xf4 && length <= text.size());
  for (size_t i = 1; is_good && i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    is_good = (next & 0xc0) == 0x80;
    code = code << 6 | (next & 0x3fu);
  }
  const bool is_shortest = length < 3 || (length == 3 ? code >= 0x800 : code >= 0x10000);
  const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
  is_good = is_good && is_shortest && code <= 0x10ffff && !is_surrogate;
  text.remove_prefix(is_good ? length : 1);
  return is_good ? std::optional(code) : std::nullopt;
}

bool is_shown_in_place(uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;  // C0, DEL, C1
  if (code == 0x2028 || code == 0x2029 || code == 0xfeff) return false;
  return !(code == 0x61c || code == 0x200e || code == 0x200f ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069));
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    if (!take_character(text)) return false;
  }
  return true;
}

size_t characters_in(std::string_view text) {
  size_t count = 0;
  for (; !text.empty(); ++count) take_character(text);
  return count;
}

bool is_plain_line(std::string_view text) {
  while (!text.empty()) {
    const auto code = take_character(text);
    if (!code || !is_shown_in_place(*code)) return false;
  }
  return true;
}

}  // namespace farspan
