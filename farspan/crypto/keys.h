// SPDX-License-Identifier: Apache-2.0
// Keys: the expanded key schedules of one SA and one direction, ready for the packet path.
//
// Expanding is done once by charon's thread. The schedules lie inline, not behind a pointer, so
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
  /// @param encryption  suite.key_length() bytes, for an AEAD followed by the 4-byte salt (RFC 4106
  /// §8.1, RFC 7634 §2)
  /// @param integrity   empty with an AEAD, else 1 byte to one block of the hash
  Keys(const Context& context, Suite suite, std::span<const uint8_t> encryption,
       std::span<const uint8_t> integrity);
  ~Keys();  // zeroes
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  Suite suite() const { return suite_; }

  /// Asks the cache for what sealing or opening `text_length` bytes with these keys reads. A hint:
  /// right for the layout of the widest vectors, harmless for others.
  void prefetch(uint32_t text_length) const {
    if (!suite_.is_aead()) return prefetch(0, kDesKeysAt);
    if (suite_.cipher == Cipher::kChaCha20Poly1305) {
      prefetch(0, 32);
      return prefetch(kGcmBytes, sizeof(Keys));
    }
    prefetch(0, kRoundKeyBytes);
    // GHASH of n blocks reads the last n of 48 powers; three more for the header, the lengths and a
    // partial block.
    const size_t powers = size_t{text_length / 16 + 3} * 16;
    prefetch(powers < kGcmBytes - kRoundKeyBytes ? kGcmBytes - powers : kRoundKeyBytes,
             sizeof(Keys));
  }

 private:
  friend class Context;
  static constexpr size_t kGcmBytes = 1008, kRoundKeyBytes = 240;
  // Layout with CBC + HMAC. DES has up to three schedules from 0 on, good for both directions; 3DES
  // is given by an array of pointers to them.
  static constexpr size_t kDecryptAt = 256, kIpadAt = 512, kOpadAt = 576, kDesKeysAt = 640,
                          kDesSchedule = 128;

  size_t encrypt_at() const { return suite_.cipher == Cipher::kTripleDesCbc ? kDesKeysAt : 0; }
  size_t decrypt_at() const { return suite_.is_des() ? encrypt_at() : kDecryptAt; }
  void expand_cbc(const Context& context, std::span<const uint8_t> key);

  void prefetch(size_t from, size_t to) const {
    const auto* const bytes = reinterpret_cast<const char*>(this);
    for (size_t line = from / 64 * 64; line < to; line += 64) __builtin_prefetch(bytes + line);
  }

  alignas(64) std::array<std::byte, kGcmBytes> schedules_{};  // gcm_key_data, a key of ChaCha20, or
                                                              // what is above
  std::array<uint8_t, 4> salt_{};                             // in the last line of the schedules
  Suite suite_;
};
static_assert(sizeof(Keys) == 1024);

}  // namespace farspan::crypto
