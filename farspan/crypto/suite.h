// SPDX-License-Identifier: Apache-2.0
// Suite: which cipher and integrity algorithm an SA uses, and what they cost in bytes.
//
// One value instead of two algorithm numbers, because only these pairs exist in ESP: an AEAD alone,
// or a cipher with a keyed hash. All lengths that framing and MTU need come from here and from
// nowhere else.
//
// Not here: key schedules (keys.h), the packets (dataplane/ipsec/esp.h).
// Standards: RFC 4106 (GCM in ESP), RFC 7634 (ChaCha20-Poly1305), RFC 3602 (AES-CBC), RFC 2451 and
// 2405 (3DES, DES), RFC 2403, 2404, 4868 (HMAC), RFC 8221 (what to support). NULL encryption is
// never taken: the ledger docs/rfc/esp-crypto.md says why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace farspan::crypto {

// In groups: AEADs, AES-CBC, and what only old devices need.
enum class Cipher : uint8_t {
  kAesGcm128,
  kAesGcm192,
  kAesGcm256,
  kChaCha20Poly1305,
  kAesCbc128,
  kAesCbc192,
  kAesCbc256,
  kTripleDesCbc,
  kDesCbc
};
enum class Integrity : uint8_t {
  kAead,
  kHmacMd5_96,
  kHmacSha1_96,
  kHmacSha256_128,
  kHmacSha384_192,
  kHmacSha512_256
};

inline constexpr uint8_t kKeyLengths[] = {16, 24, 32, 32, 16, 24, 32, 24, 8};  // of a Cipher
inline constexpr uint8_t kHashKeyLengths[] = {0, 16, 20, 32, 48, 64};          // of an Integrity
inline constexpr uint8_t kIcvLengths[] = {16, 12, 12, 16, 24, 32};

struct Suite {
  Cipher cipher = Cipher::kAesGcm256;
  Integrity integrity = Integrity::kAead;

  /// The suite of IANA IKEv2 transforms (type 1 and type 3) and key lengths in bytes, the 4-byte
  /// salt of an AEAD included; nothing when unsupported or when a length does not fit.
  static std::optional<Suite> from_iana(uint16_t encryption, uint16_t integrity,
                                        uint16_t encryption_key_bytes,
                                        uint16_t integrity_key_bytes);

  constexpr bool is_aead() const { return integrity == Integrity::kAead; }
  constexpr bool is_des() const { return cipher >= Cipher::kTripleDesCbc; }
  constexpr uint32_t key_length() const { return kKeyLengths[static_cast<size_t>(cipher)]; }
  /// Of the hash: its output before it is cut (RFC 2403 §3, 2404 §3, 4868 §2.1.1).
  constexpr uint32_t integrity_key_length() const {
    return kHashKeyLengths[static_cast<size_t>(integrity)];
  }
  constexpr uint32_t salt_length() const { return is_aead() ? 4 : 0; }
  constexpr uint32_t iv_length() const { return is_aead() || is_des() ? 8 : 16; }
  /// What the padded text must be a multiple of: the cipher block, or 4 (RFC 4303 §2.4).
  constexpr uint32_t block_length() const { return is_aead() ? 4 : is_des() ? 8 : 16; }
  constexpr uint32_t icv_length() const { return kIcvLengths[static_cast<size_t>(integrity)]; }
  constexpr bool operator==(const Suite&) const = default;
};

inline constexpr uint32_t kMaxIcvLength = 32;

}  // namespace farspan::crypto
