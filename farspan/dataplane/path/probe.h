// SPDX-License-Identifier: Apache-2.0
// Probe: what a node sends to another inside their SA to see whether a packet of a certain size
// arrives, and what the other answers.
//
// Both are dummy packets (next header 59), which RFC 4303 §2.6 makes every receiver discard: one
// that does not know them loses nothing, and no label, address or selector is used up. ESP
// authenticates them; the size that is probed is that of the packet around them.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |      'F'      |      'S'      |    version 1  | 1 ask, 2 told |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |                            number                             |
//   |                           (64 bits)                           |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |           zeros, as many as make the size (ask only)          |
//
// Not here: which sizes (probe_search.h). Threads: pure. The ledger is docs/rfc/path-mtu.md.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace farspan::dataplane {

struct PathProbe {
  static constexpr uint8_t kNextHeader = 59;
  static constexpr uint32_t kLength = 12;  // without zeros

  enum class Kind : uint8_t { kAsk = 1, kTold = 2 };
  Kind kind;
  uint64_t number;
};

/// Writes all of `to`. @pre to.size() >= PathProbe::kLength
inline void write_probe(const PathProbe& probe, std::span<uint8_t> to) {
  std::memset(to.data(), 0, to.size());
  to[0] = 'F';
  to[1] = 'S';
  to[2] = 1;
  to[3] = static_cast<uint8_t>(probe.kind);
  for (unsigned i = 0; i < 8; ++i) to[4 + i] = static_cast<uint8_t>(probe.number >> (56 - 8 * i));
}

/// Nothing when `dummy` is an ordinary dummy packet or of another version.
inline std::optional<PathProbe> read_probe(std::span<const uint8_t> dummy) {
  if (dummy.size() < PathProbe::kLength || dummy[0] != 'F' || dummy[1] != 'S' || dummy[2] != 1 ||
      (dummy[3] != 1 && dummy[3] != 2))
    return std::nullopt;
  PathProbe probe{static_cast<PathProbe::Kind>(dummy[3]), 0};
  for (unsigned i = 0; i < 8; ++i) probe.number = probe.number << 8 | dummy[4 + i];
  return probe;
}

}  // namespace farspan::dataplane
