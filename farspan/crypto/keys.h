// SPDX-License-Identifier: Apache-2.0
// Keys: the expanded key schedules of one SA and one direction, ready for the packet path.
//
// Expanding is done once by the control thread. The schedules lie inline, not behind a pointer, so
// that the address of the next packet's key is known (and can be prefetched) without touching its
// SA.
//
// Not here: the cryptography itself (context.h). Threads: immutable once made, shared freely.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "farspan/crypto/suite.h"

namespace farspan::crypto {

class Context;

class alignas(64) Keys {
 public:
  /// @param encryption  suite.key_length() bytes, for GCM followed by the 4-byte salt (RFC 4106
  /// §8.1)
  /// @param integrity   empty with an AEAD, else 1 byte to one block of the hash
  Keys(const Context& context, Suite suite, std::span<const uint8_t> encryption,
       std::span<const uint8_t> integrity);
  ~Keys();  // zeroes
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  Suite suite() const { return suite_; }

  /// Asks the cache for what sealing or opening a packet with these keys reads first.
  void prefetch() const {
    for (size_t line = 0; line < kPrefetchBytes; line += 64)
      __builtin_prefetch(schedules_.data() + line);
  }

 private:
  friend class Context;
  // Round keys and the hash powers of one 256-byte stride; the longer powers follow in hardware
  // order.
  static constexpr size_t kPrefetchBytes = 1024;
  static constexpr size_t kDecryptAt = 256, kIpadAt = 512, kOpadAt = 576;  // layout with CBC + HMAC

  alignas(64) std::array<std::byte, 1024> schedules_{};  // gcm_key_data, or the four parts above
  std::array<uint8_t, 4> salt_{};
  Suite suite_;
};

}  // namespace farspan::crypto
