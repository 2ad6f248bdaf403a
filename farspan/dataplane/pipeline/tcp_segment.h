// SPDX-License-Identifier: Apache-2.0
// tcp_segment: what the header of a parsed TCP packet says about its connection.
#pragma once

#include "farspan/dataplane/flow/tcp_track.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {

/// The window scale a SYN offers; TcpSegment::kNoScale: none (RFC 7323 §2.2).
/// @param tcp  with its options: header_length() bytes
inline uint8_t window_scale_of(const uint8_t* tcp, size_t header_length) {
  constexpr uint8_t kEnd = 0, kNoOperation = 1, kWindowScale = 3;
  for (size_t at = sizeof(net::TcpHeader); at < header_length && tcp[at] != kEnd;) {
    if (tcp[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (at + 1 >= header_length || tcp[at + 1] < 2 || at + tcp[at + 1] > header_length) break;
    if (tcp[at] == kWindowScale && tcp[at + 1] == 3) return tcp[at + 2];
    at += tcp[at + 1];
  }
  return TcpSegment::kNoScale;
}

/// @param tcp     the header, options included; its lengths were checked (packet/parse.h)
/// @param length  of the payload, of all segments of a super-packet
inline TcpSegment tcp_segment_of(const uint8_t* tcp, uint32_t length) {
  const auto& header = net::header_at<net::TcpHeader>(tcp);
  TcpSegment segment{header.sequence.value(), header.acknowledgment.value(), length,
                     header.window.value(), header.flags};
  if (segment.has(net::TcpHeader::kSyn))
    segment.scale = window_scale_of(tcp, header.header_length());
  return segment;
}

}  // namespace farspan::dataplane
