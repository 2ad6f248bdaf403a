// SPDX-License-Identifier: Apache-2.0
#include "farspan/crypto/iv_source.h"

#include <gtest/gtest.h>

#include <set>

#include "farspan/crypto/test_bytes.h"

namespace farspan::crypto {

// NIST CAVP AESAVS, ECBVarKey256 of a zero key and zero block: the first block of a zero-counter
// key stream.
TEST(KeyStream, IsAesInCounterModeFromZero) {
  const auto context = *Context::create();
  std::array<uint8_t, 16> out{};
  context->key_stream({}, out);
  EXPECT_EQ(to_hex(out), "dc95c078a2408989ad48a21492842087");
}

TEST(IvSource, NeverRepeatsAnIvAcrossRefills) {
  const auto context = *Context::create();
  IvSource source(*context);
  std::set<std::array<uint8_t, 16>> seen;
  for (int i = 0; i < 1000; ++i) {
    std::array<uint8_t, 16> iv{};
    source.next(iv);
    EXPECT_TRUE(seen.insert(iv).second);
  }
}

TEST(IvSource, DependsOnItsSeedAlone) {
  const auto context = *Context::create();
  IvSource a(*context, {1}), same(*context, {1}), other(*context, {2});
  std::array<uint8_t, 16> from_a{}, from_same{}, from_other{};
  for (int i = 0; i < 130; ++i) {
    a.next(from_a);
    same.next(from_same);
    other.next(from_other);
    EXPECT_EQ(from_a, from_same);
    EXPECT_NE(from_a, from_other);
  }
}

TEST(Sha256, AgreesWithFips180) {  // FIPS 180-2 appendix B.1
  const auto context = *Context::create();
  const std::array<uint8_t, 3> abc = {'a', 'b', 'c'};
  EXPECT_EQ(to_hex(context->sha256(abc)),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace farspan::crypto
