// SPDX-License-Identifier: Apache-2.0
// infer_sequence: the 64-bit extended sequence number whose low 32 bits a packet carries (RFC 4303
// appendix A2).
//
// The high half never travels. A number at or right of the window's left edge is taken as close to
// the newest one as possible; a number left of the edge must be from the next round of 2^32.
#pragma once

#include <cstdint>
#include <optional>

namespace farspan::ipsec {

/// @param newest  highest number let in so far; 0 before the first packet
/// @param low     as in the packet
/// @return        nothing when the number would lie before the SA's first round: too old
constexpr std::optional<uint64_t> infer_sequence(uint64_t newest, uint32_t low, uint64_t window) {
  const uint64_t high = newest >> 32;
  const uint32_t newest_low = static_cast<uint32_t>(newest);
  const uint32_t left_edge =
      newest_low - static_cast<uint32_t>(window - 1);            // wraps when the window does
  const bool is_window_in_one_round = newest_low >= window - 1;  // case A of A2.1, else case B

  uint64_t round = high;
  if (is_window_in_one_round) {
    if (low < left_edge) round = high + 1;
  } else if (low >= left_edge) {
    if (high == 0) return std::nullopt;
    round = high - 1;
  }
  return round << 32 | low;
}

}  // namespace farspan::ipsec
