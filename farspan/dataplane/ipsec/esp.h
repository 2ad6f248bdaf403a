// SPDX-License-Identifier: Apache-2.0
// seal and open: the ESP transform of RFC 4303 over batches of packets, each with its own SA.
//
// A batch and not a packet, because AES-CBC with HMAC is only fast when 16 or more packets are in flight and
// because key schedules of 4096 SAs do not fit the cache and are prefetched ahead.
//
//   esp ─▶ [SPI 4][sequence 4][IV 8|16][inner packet …][padding][pad length 1][next header 1][ICV 12|16]
//          └── OutboundSa::prefix_length ──┘
//
// Not here: UDP encapsulation and sockets (io/), which SA (sad.h), what the inner packet is (pipeline/).
// Threads: the worker that owns the SAs. Never allocates.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "farspan/dataplane/drop_reason.h"

namespace farspan::ipsec {

class OutboundSa;
class InboundSa;

struct SealSlot {
  OutboundSa* sa;
  uint8_t* esp;            // the inner packet already stands at esp + sa->prefix_length(); room for sa->sealed_length()
  uint32_t inner_length;
  uint8_t next_header;     // 4: IPv4 (RFC 4303 §2.6), 137: MPLS-in-IP (RFC 4023)
  // answers
  uint32_t esp_length;     // of the whole ESP packet; 0 when dropped
  std::optional<dataplane::DropReason> drop;
};

struct OpenSlot {
  InboundSa* sa;
  uint8_t* esp;
  uint32_t esp_length;
  // answers
  uint8_t* inner;          // inside esp
  uint32_t inner_length;
  uint8_t next_header;
  std::optional<dataplane::DropReason> drop;  // replay, ICV, padding, malformed
};

/// Gives each packet its sequence number, IV, padding and ICV, in order.
void seal(std::span<SealSlot> slots);

/// Checks replay, verifies, decrypts in place, accepts the sequence number and removes padding, in order.
void open(std::span<OpenSlot> slots);

}  // namespace farspan::ipsec
