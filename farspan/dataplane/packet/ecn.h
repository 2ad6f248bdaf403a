// SPDX-License-Identifier: Apache-2.0
// The TOS byte across a tunnel: DSCP is copied outward, congestion marks survive both ways.
//
// Not here: reading and setting the outer byte (control messages of the socket).
// Threads: pure; decapsulate_ecn changes only `packet`.
// Standards: RFC 6040 §4.1 (normal mode), §4.2; RFC 2983 §3.1: the inner DSCP is kept, the uniform
// model's way back is not taken because the outer path belongs to somebody else.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "farspan/dataplane/drop_reason.h"
#include "farspan/dataplane/packet/super_packet.h"

namespace farspan::dataplane {

inline constexpr uint8_t kEcnMask = 3;
enum Ecn : uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };

/// The outer TOS byte for an inner one: both fields copied (RFC 6040 §4.1).
constexpr uint8_t outer_tos(uint8_t inner_tos) { return inner_tos; }

/// Combines packet.outer_ecn into the inner header (RFC 6040 §4.2, figure 4). Before coalescing.
/// @return kEcnInvalid for CE on a packet that is not ECN-capable
[[nodiscard]] std::optional<DropReason> decapsulate_ecn(SuperPacket& packet);

}  // namespace farspan::dataplane
