// SPDX-License-Identifier: Apache-2.0
// for_each_segment, for_each_fragment: the part of Pipeline that turns a packet into smaller ones,
// for both ways out.
//
// A template so that the ways out decide what to do with each; only to_port.cpp and to_tunnel.cpp
// include it.
#pragma once

#include "farspan/dataplane/packet/fragment.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/packet/segment.h"
#include "farspan/dataplane/pipeline/pipeline.h"

namespace farspan::dataplane {

/// Calls `each` with every wire packet of `packet`, contiguous in fragment_bytes_ until the next
/// one.
template <class Each>
void Pipeline::for_each_segment(SuperPacket& packet, Each each) {
  uint8_t* const bytes = fragment_bytes_.get();
  for (Segmenter segments(packet); segments.remaining() > 0;) {
    const uint32_t length = segments.write_next(bytes);
    if (const auto reason = parse({bytes, length}, segment_)) {
      counters_.drop(*reason);
    } else {
      segment_.max_fragment = packet.max_fragment;
      each(segment_);
    }
  }
}

/// Calls `each` with every fragment of every wire packet of `packet`, contiguous in fragment_bytes_
/// until the next one. Their number beyond the wire packets is counted.
template <class Each>
void Pipeline::for_each_fragment(SuperPacket& packet, uint32_t mtu, Each each) {
  uint8_t* const bytes = fragment_bytes_.get() + SuperPacket::kMaxLength + 1;
  const auto split = [&](SuperPacket& whole) {
    Fragmenter fragments(whole, mtu);
    counters_.add(Counter::kFragmented, fragments.remaining() - 1);
    while (fragments.remaining() > 0) {
      const uint32_t length = fragments.write_next(bytes);
      if (const auto reason = parse({bytes, length}, fragment_)) {
        counters_.drop(*reason);
      } else {
        each(fragment_);
      }
    }
  };
  if (packet.wire_packets() == 1) {
    packet.segment_size = 0;
    return split(packet);
  }
  for_each_segment(packet, split);
}

}  // namespace farspan::dataplane
