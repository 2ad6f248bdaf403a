// SPDX-License-Identifier: Apache-2.0
// Landing: where a packet is received whose length nobody knows before.
//
//   readv({ small buffer │ large buffer behind a gap })
//           fits ──▶ it stays in the small one, and the large one waits for the next
//           longer ─▶ what lies in the small one moves into the gap, and that one waits
//
// So a small packet never holds 64 KiB, and whatever came lies in one piece: the 2 KB that move are
// a thirtieth of what the large one was made for.
//
// Threads: the worker's, as its buffers.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstring>
#include <span>

#include "farspan/io/buffer_pool.h"

namespace farspan::io {

/// What was received. Without a buffer: there was none, and the bytes are lost.
struct Landed {
  Buffer buffer;
  std::span<uint8_t> bytes;
};

class Landing {
 public:
  /// Takes from `pool` what is missing. False: the pool has no more.
  bool prepare(BufferPool& pool) {
    if (!small_) small_ = pool.take_small();
    if (!large_) large_ = pool.take_large();
    return is_prepared();
  }
  bool is_prepared() const { return small_ && large_; }

  static constexpr uint32_t kLongest = Buffer::kLargeRoom;
  /// For one receiving call, of kLongest bytes at most; without room if not prepared.
  std::array<iovec, 2> vectors() const {
    if (!is_prepared()) return {};
    return {{{small_.room(), Buffer::kSmallRoom},
             {large_.room() + Buffer::kSmallRoom, Buffer::kLargeRoom - Buffer::kSmallRoom}}};
  }
  /// The `length` bytes that one such call brought.
  Landed take(uint32_t length) {
    if (!is_prepared()) return {};
    if (length <= Buffer::kSmallRoom) {
      uint8_t* const bytes = small_.room();
      return {std::move(small_), {bytes, length}};
    }
    uint8_t* const bytes = large_.room();
    std::memcpy(bytes, small_.room(), Buffer::kSmallRoom);
    return {std::move(large_), {bytes, length}};
  }

 private:
  Buffer small_, large_;
};

}  // namespace farspan::io
