// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/esn.h"

#include <gtest/gtest.h>

#include <random>

namespace farspan::ipsec {
namespace {

constexpr uint64_t kWindow = 1024;
constexpr uint64_t kRound = uint64_t{1} << 32;

TEST(InferSequence, CrossesARoundForwardsAndBack) {               // RFC 4303 appendix A2.1
  EXPECT_EQ(infer_sequence(kRound - 5, 3, kWindow), kRound + 3);  // the next round begins
  EXPECT_EQ(infer_sequence(kRound + 3, 0xFFFFFFFB, kWindow),
            kRound - 5);  // a straggler of the last one
  EXPECT_EQ(infer_sequence(kRound + 1022, 0xFFFFFFFF, kWindow),
            kRound - 1);  // window still spans both (case B)
  EXPECT_EQ(infer_sequence(kRound + 1023, 0xFFFFFFFF, kWindow),
            2 * kRound - 1);  // in one round again (case A)
  EXPECT_EQ(infer_sequence(3 * kRound + 7, 0, kWindow), 3 * kRound);
}

TEST(InferSequence, NothingComesBeforeTheFirstRound) {
  EXPECT_EQ(infer_sequence(0, 1, kWindow), 1u);
  EXPECT_EQ(infer_sequence(0, 0xFFFFFFFF, kWindow), std::nullopt);
  EXPECT_EQ(infer_sequence(100, 0xFFFFFFFF, kWindow), std::nullopt);
}

// Whatever lies in the window or less than 2^32 - window ahead is inferred from its low half alone.
TEST(InferSequence, FindsEveryNumberInReach) {
  std::mt19937_64 random(4303);
  for (int i = 0; i < 200'000; ++i) {
    const uint64_t newest =
        random() % 4 * kRound + (random() % 2 ? random() % 3000 : kRound - random() % 3000);
    const uint64_t oldest = newest < kWindow ? 0 : newest - kWindow + 1;
    const uint64_t reach = random() % 2 ? 4000 : kRound - kWindow;
    const uint64_t sequence = oldest + random() % (newest - oldest + reach);
    if (newest < kWindow && sequence > newest + kRound - kWindow) continue;
    ASSERT_EQ(infer_sequence(newest, static_cast<uint32_t>(sequence), kWindow), sequence) << newest;
  }
}

}  // namespace
}  // namespace farspan::ipsec
