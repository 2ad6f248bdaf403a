// SPDX-License-Identifier: Apache-2.0
// plateau_below: the next smaller MTU that links have, for routers that do not say theirs.
#pragma once

#include <array>
#include <cstdint>

namespace farspan::dataplane {

/// The largest usual MTU below `length`; 68 when there is none. RFC 1191 §7.1, with the sizes that
/// tunnels and access networks have had since (PPPoE, GRE, IPsec, the least of IPv6).
constexpr uint32_t plateau_below(uint32_t length) {
  constexpr std::array<uint32_t, 16> kPlateaus = {32000, 17914, 9000, 8166, 4352, 2002, 1500, 1492,
                                                  1476,  1400,  1280, 1006, 576,  508,  296,  68};
  uint32_t best = 68;
  for (const uint32_t plateau : kPlateaus) {
    if (plateau < length && plateau > best) best = plateau;
  }
  return best;
}

}  // namespace farspan::dataplane
