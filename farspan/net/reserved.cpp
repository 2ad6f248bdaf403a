// SPDX-License-Identifier: Apache-2.0
#include "farspan/net/reserved.h"

#include <array>

namespace farspan::net {

std::span<const ReservedRange> reserved_ranges() {
  static const std::array<ReservedRange, 6> kRanges = {{
      {Prefix::covering(Address::v4(0), 8), "this network"},
      {shared_address_space(), "shared address space and cloud services"},
      {Prefix::covering(Address::v4(0x7f000000), 8), "loopback"},
      {Prefix::covering(Address::v4(0xa9fe0000), 16), "link-local"},
      {Prefix::covering(Address::v4(0xe0000000), 4), "multicast"},
      {Prefix::covering(Address::v4(0xf0000000), 4), "reserved and broadcast"},
  }};
  return kRanges;
}

const ReservedRange* reserved_overlap(const Prefix& prefix) {
  for (const ReservedRange& range : reserved_ranges()) {
    if (range.prefix.overlaps(prefix)) return &range;
  }
  return nullptr;
}

const Prefix& shared_address_space() {
  static const Prefix kRange = Prefix::covering(Address::v4(0x64400000), 10);
  return kRange;
}

}  // namespace farspan::net
