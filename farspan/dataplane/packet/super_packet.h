// SPDX-License-Identifier: Apache-2.0
// SuperPacket: the unit of work of the data plane: up to 64 KiB of one flow that share one set of
// headers.
//
// What a TAP port hands over under TSO/USO, or what the coalescer made of a train of ESP payloads.
// Headers are contiguous and writable; the payload may lie in pieces (each in the buffer it was
// received or decrypted into), so that coalescing copies nothing and a port write is one writev.
//
//   headers ─▶ [IPv4 20-60][TCP|UDP|ICMP header]       header_length bytes
//   pieces  ─▶ [payload][payload]…                     payload_length bytes in all
//
// segment_size > 0 means: on a wire this is ceil(payload_length / segment_size) packets (TCP
// segments or UDP datagrams).
//
// A packet holds the buffers it lies in, so that whoever has it may keep it: until it is sealed,
// until its turn comes, on another worker. kHeadroom bytes before and kTailroom behind it belong to
// it. Without a buffer it is a view of somebody's bytes, who keeps them there.
#pragma once

#include <array>
#include <cstdint>

#include "farspan/io/buffer_pool.h"

namespace farspan::dataplane {

/// What is known of the transport checksum of a packet.
enum class Checksum : uint8_t {
  kUnchecked,  // as received from a wire: complete in the packet, nobody looked
  kValid,      // known to be right (virtio DATA_VALID, or verified here)
  kPartial,    // the field only holds the pseudo-header sum; to be completed on the way out
};

/// Flow identity and offsets, filled by parse().
struct Parsed {
  uint32_t source = 0, destination = 0;  // host order
  // ICMP questions and answers: identifier in both; other protocols: 0
  uint16_t source_port = 0, destination_port = 0;
  uint8_t protocol = 0;
  uint8_t tcp_flags = 0;
  uint8_t icmp_type = 0, icmp_code = 0;
  uint8_t ttl = 0;
  uint8_t tos = 0;  // DSCP and ECN
  bool has_df = false;
  bool is_fragment = false;    // MF set or offset > 0: reassemble before anything that needs ports
  bool is_icmp_error = false;  // carries the header of the packet it is about (RFC 792)
  uint16_t ip_header_length = 0;
};

struct Piece {
  uint8_t* bytes;
  uint32_t length;
};

struct SuperPacket {
  static constexpr uint32_t kMaxPieces = 128;
  static constexpr uint32_t kMaxLength = 65535;  // IPv4 total length

  uint8_t* header = nullptr;
  uint16_t header_length = 0;
  uint16_t segment_size = 0;  // 0: one wire packet
  uint16_t max_fragment = 0;  // largest fragment it was reassembled from, 0 when it was whole (RFC
                              // 791 §3.2; refragment no larger)
  Checksum checksum = Checksum::kUnchecked;
  uint8_t outer_ecn = 0;  // of the ESP packet it came in (RFC 6040)
  uint32_t payload_length = 0;
  uint16_t piece_count = 0;
  uint16_t merged_count = 0;
  static constexpr uint32_t kHeadroom = 4;  // an MPLS label
  static constexpr uint32_t kTailroom = 8;  // ESP's padding and trailer, with an AEAD
  Parsed parsed;
  io::Buffer buffer;  // of the header and the pieces, but those that
  // Last, so that all of a packet in one piece lies together.
  std::array<Piece, kMaxPieces> pieces;
  std::array<io::Buffer, kMaxPieces> merged;  // are in these, which packets merged into it brought

  /// Takes the buffers of a packet whose payload became part of this one.
  void take_buffer_of(SuperPacket& other) {
    const io::Buffer& last = merged_count == 0 ? buffer : merged[merged_count - 1u];
    if (other.buffer && !other.buffer.is_same(last)) {
      merged[merged_count++] = std::move(other.buffer);
    } else {
      other.buffer.reset();
    }
  }
  /// Gives its buffers up: it ended.
  void release() {
    buffer.reset();
    while (merged_count > 0) merged[--merged_count].reset();
  }

  uint32_t length() const { return header_length + payload_length; }
  bool is_contiguous() const {
    return piece_count == 0 || (piece_count == 1 && pieces[0].bytes == header + header_length);
  }
  uint32_t wire_packets() const {
    return segment_size == 0 || payload_length == 0
               ? 1
               : (payload_length + segment_size - 1) / segment_size;
  }
};

}  // namespace farspan::dataplane
