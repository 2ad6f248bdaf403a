// SPDX-License-Identifier: Apache-2.0
#include "farspan/crypto/suite.h"

#include <gtest/gtest.h>

namespace farspan::crypto {

TEST(Suite, NamesOfIkeTransformsAreUnderstood) {
  EXPECT_EQ(Suite::from_iana(20, 0, 20, 0), (Suite{Cipher::kAesGcm128, Integrity::kAead}));
  EXPECT_EQ(Suite::from_iana(20, 1024, 36, 0), (Suite{Cipher::kAesGcm256, Integrity::kAead}));
  EXPECT_EQ(Suite::from_iana(20, 0, 28, 0), (Suite{Cipher::kAesGcm192, Integrity::kAead}));
  EXPECT_EQ(Suite::from_iana(28, 1024, 36, 0),
            (Suite{Cipher::kChaCha20Poly1305, Integrity::kAead}));
  EXPECT_EQ(Suite::from_iana(12, 12, 24, 32),
            (Suite{Cipher::kAesCbc192, Integrity::kHmacSha256_128}));
  EXPECT_EQ(Suite::from_iana(3, 2, 24, 20),
            (Suite{Cipher::kTripleDesCbc, Integrity::kHmacSha1_96}));
  EXPECT_EQ(Suite::from_iana(2, 1, 8, 16), (Suite{Cipher::kDesCbc, Integrity::kHmacMd5_96}));
  EXPECT_EQ(Suite::from_iana(12, 2, 16, 20), (Suite{Cipher::kAesCbc128, Integrity::kHmacSha1_96}));
  EXPECT_EQ(Suite::from_iana(12, 12, 32, 32),
            (Suite{Cipher::kAesCbc256, Integrity::kHmacSha256_128}));
  EXPECT_EQ(Suite::from_iana(12, 13, 32, 48),
            (Suite{Cipher::kAesCbc256, Integrity::kHmacSha384_192}));
  EXPECT_EQ(Suite::from_iana(12, 14, 32, 64),
            (Suite{Cipher::kAesCbc256, Integrity::kHmacSha512_256}));
}

TEST(Suite, WrongLengthsAndUnknownTransformsAreRefused) {
  EXPECT_FALSE(Suite::from_iana(20, 0, 32, 0));    // the salt is missing
  EXPECT_FALSE(Suite::from_iana(20, 12, 36, 32));  // an AEAD takes no second key
  EXPECT_FALSE(Suite::from_iana(12, 0, 16, 0));    // CBC without integrity is not offered
  EXPECT_FALSE(Suite::from_iana(12, 12, 16, 20));  // key of another hash
  EXPECT_FALSE(Suite::from_iana(12, 12, 20, 32));  // no length of AES
  EXPECT_FALSE(Suite::from_iana(28, 0, 32, 0));    // the salt is missing
  EXPECT_FALSE(Suite::from_iana(28, 12, 36, 32));
  EXPECT_FALSE(Suite::from_iana(3, 2, 8, 20));   // one key of three
  EXPECT_FALSE(Suite::from_iana(7, 2, 16, 20));  // Blowfish
}

TEST(Suite, NullIsRefusedWithEveryHash) {
  constexpr uint16_t kHashes[] = {0, 1024, 1, 2, 5, 9, 12, 13, 14};
  constexpr uint16_t kLengths[] = {0, 16, 20, 32, 48, 64};
  for (const uint16_t hash : kHashes)
    for (const uint16_t length : kLengths)
      EXPECT_FALSE(Suite::from_iana(11, hash, 0, length)) << hash;
}

}  // namespace farspan::crypto
