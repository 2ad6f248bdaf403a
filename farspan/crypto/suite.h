// SPDX-License-Identifier: Apache-2.0
// Suite: which cipher and integrity algorithm an SA uses, and what they cost in bytes.
//
// One value instead of two algorithm numbers, because only these pairs exist in ESP: an AEAD alone,
// or a cipher with a keyed hash. All lengths that framing and MTU need come from here and from
// nowhere else.
//
// Not here: key schedules (keys.h), the packets (dataplane/ipsec/esp.h).
// Standards: RFC 4106 (GCM in ESP), RFC 3602 (CBC), RFC 2404, RFC 4868 (HMAC), RFC 8221 (what to
// support).
#pragma once

#include <cstdint>
#include <optional>

namespace farspan::crypto {

enum class Cipher : uint8_t { kAesGcm128, kAesGcm256, kAesCbc128, kAesCbc256 };
enum class Integrity : uint8_t {
  kAead,
  kHmacSha1_96,
  kHmacSha256_128,
  kHmacSha384_192,
  kHmacSha512_256
};

struct Suite {
  Cipher cipher = Cipher::kAesGcm256;
  Integrity integrity = Integrity::kAead;

  /// The suite of IANA IKEv2 transforms (type 1 and type 3) and key lengths in bytes, the 4-byte
  /// salt of GCM included; nothing when unsupported or when a length does not fit.
  static std::optional<Suite> from_iana(uint16_t encryption, uint16_t integrity,
                                        uint16_t encryption_key_bytes,
                                        uint16_t integrity_key_bytes);

  constexpr bool is_aead() const { return integrity == Integrity::kAead; }
  constexpr uint32_t key_length() const {
    return cipher == Cipher::kAesGcm128 || cipher == Cipher::kAesCbc128 ? 16 : 32;
  }
  constexpr uint32_t salt_length() const { return is_aead() ? 4 : 0; }
  constexpr uint32_t iv_length() const { return is_aead() ? 8 : 16; }
  /// What the padded text must be a multiple of: the cipher block, or 4 (RFC 4303 §2.4).
  constexpr uint32_t block_length() const { return is_aead() ? 4 : 16; }
  constexpr uint32_t icv_length() const {
    switch (integrity) {
      case Integrity::kAead:
        return 16;
      case Integrity::kHmacSha1_96:
        return 12;
      case Integrity::kHmacSha256_128:
        return 16;
      case Integrity::kHmacSha384_192:
        return 24;
      case Integrity::kHmacSha512_256:
        return 32;
    }
    return 0;
  }
  constexpr bool operator==(const Suite&) const = default;
};

inline constexpr uint32_t kMaxIcvLength = 32;

}  // namespace farspan::crypto
