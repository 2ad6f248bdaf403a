// SPDX-License-Identifier: Apache-2.0
// IkeDatagram: what passes between charon and the underlay, in both directions.
#pragma once

#include <cstdint>
#include <span>

#include "farspan/io/endpoint.h"

namespace farspan::dataplane {

struct IkeDatagram {
  io::Endpoint source, destination;
  uint8_t dscp = 0;
  std::span<uint8_t> payload;  // UDP payload, non-ESP marker included
  bool is_refused = false;     // by charon, from `source`: nothing to send
};

}  // namespace farspan::dataplane
