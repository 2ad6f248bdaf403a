// SPDX-License-Identifier: Apache-2.0
// The MAC address of this node on every port; instances see the same router wherever they run.
#pragma once

#include "farspan/net/address.h"

namespace farspan::dataplane {

inline constexpr net::MacAddress kNodeMac{{0x02, 0xfa, 0x00, 0x00, 0x00, 0x01}};

}  // namespace farspan::dataplane
