// SPDX-License-Identifier: Apache-2.0
// Endpoint: an IPv4 address and a UDP port of the underlay, in host order.
//
// Eight bytes, because one travels with every train of packets; net::Address is for the control
// side.
#pragma once

#include <cstdint>

namespace farspan::io {

struct Endpoint {
  uint32_t address = 0;
  uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
};

}  // namespace farspan::io
