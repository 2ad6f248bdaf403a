// SPDX-License-Identifier: Apache-2.0
#include "farspan/crypto/suite.h"

namespace farspan::crypto {
namespace {

// IANA "Internet Key Exchange Version 2 (IKEv2) Parameters", transform types 1 and 3.
constexpr uint16_t kEncryptionAesCbc = 12, kEncryptionAesGcm16 = 20;
constexpr uint16_t kIntegrityNone = 0,
                   kIntegrityUndefined = 1024;  // charon writes the latter with an AEAD
constexpr uint16_t kIntegritySha1 = 2, kIntegritySha256 = 12, kIntegritySha384 = 13,
                   kIntegritySha512 = 14;

struct HashChoice {
  uint16_t transform;
  Integrity integrity;
  uint16_t key_bytes;  // RFC 2404 §3, RFC 4868 §2.1.1
};
constexpr HashChoice kHashes[] = {{kIntegritySha1, Integrity::kHmacSha1_96, 20},
                                  {kIntegritySha256, Integrity::kHmacSha256_128, 32},
                                  {kIntegritySha384, Integrity::kHmacSha384_192, 48},
                                  {kIntegritySha512, Integrity::kHmacSha512_256, 64}};

std::optional<Suite> gcm(uint16_t integrity, uint16_t key_bytes, uint16_t integrity_key_bytes) {
  if (integrity != kIntegrityNone && integrity != kIntegrityUndefined) return std::nullopt;
  if (integrity_key_bytes != 0) return std::nullopt;
  if (key_bytes == 16 + 4) return Suite{Cipher::kAesGcm128, Integrity::kAead};
  if (key_bytes == 32 + 4) return Suite{Cipher::kAesGcm256, Integrity::kAead};
  return std::nullopt;
}

}  // namespace

std::optional<Suite> Suite::from_iana(uint16_t encryption, uint16_t integrity,
                                      uint16_t encryption_key_bytes, uint16_t integrity_key_bytes) {
  if (encryption == kEncryptionAesGcm16)
    return gcm(integrity, encryption_key_bytes, integrity_key_bytes);
  if (encryption != kEncryptionAesCbc) return std::nullopt;
  if (encryption_key_bytes != 16 && encryption_key_bytes != 32) return std::nullopt;
  for (const HashChoice& hash : kHashes) {
    if (hash.transform != integrity || hash.key_bytes != integrity_key_bytes) continue;
    return Suite{encryption_key_bytes == 16 ? Cipher::kAesCbc128 : Cipher::kAesCbc256,
                 hash.integrity};
  }
  return std::nullopt;
}

}  // namespace farspan::crypto
