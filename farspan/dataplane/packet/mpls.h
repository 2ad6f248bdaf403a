// SPDX-License-Identifier: Apache-2.0
// The one MPLS label between two nodes: which VRF the packet behind it belongs to.
//
// Exactly one entry, bottom of stack set: a deeper stack is nothing this node ever sends or can
// read.
//
// Not here: label to VRF (the pipeline's tables), ESP next header 137 (RFC 4023).
// Threads: pure.
// Standards: RFC 3032 §2.1; RFC 4023.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "farspan/net/headers.h"

namespace farspan::dataplane {

inline constexpr size_t kLabelLength = sizeof(net::MplsEntry);
inline constexpr uint32_t kMinLabel = 16;  // below are reserved (RFC 3032 §2.1)
inline constexpr uint32_t kMaxLabel = (1u << 20) - 1;
inline constexpr uint8_t kLabelTtl = 64;

/// Writes the entry for `label` to `to`, 4 bytes. @pre kMinLabel <= label <= kMaxLabel
void write_label(uint8_t* to, uint32_t label);

/// The label in front of `packet`, which starts kLabelLength later; nothing when the stack is cut
/// short, deeper than one, reserved or has TTL 0 (kMalformedLabel).
std::optional<uint32_t> read_label(std::span<const uint8_t> packet);

}  // namespace farspan::dataplane
