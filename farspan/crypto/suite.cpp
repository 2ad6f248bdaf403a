// SPDX-License-Identifier: Apache-2.0
#include "farspan/crypto/suite.h"

namespace farspan::crypto {
namespace {

// IANA "Internet Key Exchange Version 2 (IKEv2) Parameters", transform types 1 and 3.
struct CipherChoice {
  uint16_t transform;
  Cipher cipher;
};
constexpr CipherChoice kCiphers[] = {
    {20, Cipher::kAesGcm128},        {20, Cipher::kAesGcm192},   {20, Cipher::kAesGcm256},
    {28, Cipher::kChaCha20Poly1305}, {12, Cipher::kAesCbc128},   {12, Cipher::kAesCbc192},
    {12, Cipher::kAesCbc256},        {3, Cipher::kTripleDesCbc}, {2, Cipher::kDesCbc}};
struct HashChoice {
  uint16_t transform;
  Integrity integrity;
};
constexpr HashChoice kHashes[] = {{0, Integrity::kAead},
                                  {1024, Integrity::kAead},  // charon's word for none
                                  {1, Integrity::kHmacMd5_96},
                                  {2, Integrity::kHmacSha1_96},
                                  {12, Integrity::kHmacSha256_128},
                                  {13, Integrity::kHmacSha384_192},
                                  {14, Integrity::kHmacSha512_256}};

}  // namespace

std::optional<Suite> Suite::from_iana(uint16_t encryption, uint16_t integrity,
                                      uint16_t encryption_key_bytes, uint16_t integrity_key_bytes) {
  for (const CipherChoice& cipher : kCiphers) {
    for (const HashChoice& hash : kHashes) {
      if (cipher.transform != encryption || hash.transform != integrity) continue;
      const Suite suite{cipher.cipher, hash.integrity};
      // A cipher without a hash, or an AEAD with one, is no suite (RFC 8221 §4).
      if (suite.is_aead() != (cipher.cipher < Cipher::kAesCbc128)) continue;
      if (suite.key_length() + suite.salt_length() == encryption_key_bytes &&
          suite.integrity_key_length() == integrity_key_bytes)
        return suite;
    }
  }
  return std::nullopt;
}

}  // namespace farspan::crypto
