// SPDX-License-Identifier: Apache-2.0
// Prefix4: an IPv4 prefix (RFC 4632).
#pragma once

#include <compare>
#include <cstdint>

namespace farspan::dataplane {

/// IPv4 prefix in host order. @pre host bits are zero
struct Prefix4 {
  uint32_t address = 0;
  uint8_t length = 0;

  static constexpr uint32_t mask(uint8_t length) {
    return length == 0 ? 0 : ~uint32_t{0} << (32 - length);
  }
  constexpr bool contains(uint32_t other) const { return ((other ^ address) & mask(length)) == 0; }
  constexpr uint32_t last() const { return address | ~mask(length); }
  constexpr auto operator<=>(const Prefix4&) const = default;
};

}  // namespace farspan::dataplane
