// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/replay_window.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace farspan::ipsec {
using enum ReplayVerdict;

TEST(ReplayWindow, CheckingChangesNothing) {  // RFC 4303 §3.4.3
  ReplayWindow window;
  EXPECT_EQ(window.check(0), kZero);
  EXPECT_EQ(window.check(5'000'000), kFresh);  // a forgery, say
  EXPECT_EQ(window.newest(), 0u);
  EXPECT_EQ(window.accept(1), kFresh);
  EXPECT_EQ(window.accept(1), kReplayed);
}

TEST(ReplayWindow, LeftEdgeIs1023BehindTheNewest) {
  ReplayWindow window;
  ASSERT_EQ(window.accept(3000), kFresh);
  EXPECT_EQ(window.check(3000 - 1023), kFresh);
  EXPECT_EQ(window.check(3000 - 1024), kTooOld);
}

TEST(ReplayWindow, AJumpOfManyRingsForgetsEveryWord) {
  ReplayWindow window;
  for (uint64_t i = 1; i <= 2048; ++i) ASSERT_EQ(window.accept(i), kFresh);
  ASSERT_EQ(window.accept(2048 * 50), kFresh);
  for (uint64_t i = 2048 * 50 - 1023; i < 2048 * 50; ++i) ASSERT_EQ(window.accept(i), kFresh) << i;
}

TEST(ReplayWindow, AgreesWithASetOfEverythingSeen) {
  std::mt19937_64 random(6479);
  for (int run = 0; run < 20; ++run) {
    ReplayWindow window;
    std::set<uint64_t> seen;
    uint64_t newest = 0;
    for (uint64_t step = 0, centre = random() % 100; step < 20'000; ++step) {
      centre += random() % 500 == 0 ? random() % 6000 : random() % 3;
      const uint64_t sequence = centre + random() % 1500;
      ReplayVerdict want = kFresh;
      if (sequence == 0) {
        want = kZero;
      } else if (newest >= 1024 && sequence <= newest - 1024) {
        want = kTooOld;
      } else if (!seen.insert(sequence).second) {
        want = kReplayed;
      }
      ASSERT_EQ(window.check(sequence), want) << sequence;
      ASSERT_EQ(window.accept(sequence), want) << sequence;
      if (want == kFresh) newest = std::max(newest, sequence);
      ASSERT_EQ(window.newest(), newest);
    }
  }
}

}  // namespace farspan::ipsec
