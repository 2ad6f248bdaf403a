// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/flow/siphash.h"

#include <gtest/gtest.h>

#include <array>

namespace farspan::dataplane {

// "SipHash: a fast short-input PRF", appendix A: key 00 01 … 0f, message 00 01 … 0e, SipHash-2-4.
// Its second block is the last seven bytes and the length 15.
TEST(SipHash, GivesThePapersValue) {
  const SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  const std::array<uint64_t, 2> message = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  EXPECT_EQ((siphash<2, 4>(key, message)), 0xa129ca6149be45e5u);
}

TEST(SipHash, RandomKeysDiffer) {
  const SipKey a = SipKey::random(), b = SipKey::random();
  EXPECT_FALSE(a.k0 == b.k0 && a.k1 == b.k1);
}

}  // namespace farspan::dataplane
