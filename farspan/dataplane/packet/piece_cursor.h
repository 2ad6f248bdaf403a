// SPDX-License-Identifier: Apache-2.0
// PieceCursor: reads the payload of a super-packet from front to back, across its pieces.
//
// Not here: headers (segment.h, fragment.h).
// Threads: pure; the pieces must stay unchanged meanwhile.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "farspan/dataplane/packet/super_packet.h"
#include "farspan/net/checksum.h"

namespace farspan::dataplane {

class PieceCursor {
 public:
  explicit PieceCursor(const SuperPacket& packet) : piece_(packet.pieces.data()) {}

  /// Each consumes `length` bytes. @pre so many are left
  void copy(uint8_t* to, uint32_t length) {
    walk(length, [&](const uint8_t* bytes, uint32_t part) {
      std::memcpy(to, bytes, part);
      to += part;
    });
  }
  void copy_and_sum(uint8_t* to, uint32_t length, net::InternetSum& sum) {
    walk(length, [&](const uint8_t* bytes, uint32_t part) {
      sum.add_copying(to, bytes, part);
      to += part;
    });
  }
  void sum(uint32_t length, net::InternetSum& into) {
    walk(length, [&](const uint8_t* bytes, uint32_t part) { into.add(bytes, part); });
  }

 private:
  template <class Visit>
  void walk(uint32_t length, Visit visit) {
    while (length > 0) {
      const uint32_t part = std::min(length, piece_->length - offset_);
      visit(piece_->bytes + offset_, part);
      length -= part;
      offset_ += part;
      if (offset_ == piece_->length) {
        ++piece_;
        offset_ = 0;
      }
    }
  }

  const Piece* piece_;  // never read when nothing is left: it may then point behind the last one
  uint32_t offset_ = 0;
};

}  // namespace farspan::dataplane
