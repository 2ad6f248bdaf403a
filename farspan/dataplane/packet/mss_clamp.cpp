// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/mss_clamp.h"

#include "farspan/net/checksum.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using net::TcpHeader;

constexpr uint8_t kEndOfOptions = 0, kNoOperation = 1, kMaximumSegmentSize = 2;

constexpr uint16_t swapped(uint16_t word) { return static_cast<uint16_t>(word << 8 | word >> 8); }

// A word at an odd offset counts with its bytes swapped (RFC 1071 §2 B).
uint16_t checksum_after(uint16_t checksum, size_t offset, uint16_t before, uint16_t after) {
  if (offset % 2 != 0) return net::updated_checksum(checksum, swapped(before), swapped(after));
  return net::updated_checksum(checksum, before, after);
}

}  // namespace

bool clamp_mss(SuperPacket& packet, uint16_t max_mss) {
  if (packet.parsed.protocol != net::protocol::kTcp || packet.parsed.is_fragment ||
      !(packet.parsed.tcp_flags & TcpHeader::kSyn)) {
    return false;
  }
  uint8_t* transport = packet.header + packet.parsed.ip_header_length;
  auto& tcp = net::header_at<TcpHeader>(transport);
  const size_t end = packet.header_length - packet.parsed.ip_header_length;
  bool has_changed = false;
  for (size_t at = sizeof(TcpHeader); at < end && transport[at] != kEndOfOptions;) {
    if (transport[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (end - at < 2 || transport[at + 1] < 2 || transport[at + 1] > end - at) break;  // malformed
    if (transport[at] == kMaximumSegmentSize && transport[at + 1] == 4) {
      const uint16_t mss = net::load_be16(transport + at + 2);
      if (mss > max_mss) {
        net::store_be16(transport + at + 2, max_mss);
        // a kPartial field only holds the pseudo-header sum, which does not cover options
        if (packet.checksum != Checksum::kPartial) {
          tcp.checksum = checksum_after(tcp.checksum.value(), at, mss, max_mss);
        }
        has_changed = true;
      }
    }
    at += transport[at + 1];
  }
  return has_changed;
}

}  // namespace farspan::dataplane
