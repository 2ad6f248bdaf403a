// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/replay_window.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace farspan::ipsec {
namespace {
using enum ReplayVerdict;

/// A window and its memory, with words behind that nobody may touch.
struct OwnWindow {
  explicit OwnWindow(uint32_t of = ReplayWindow::kUsual)
      : words(ReplayWindow::words_for(of) + 1), window(newest, words.data(), of) {
    words.back() = kBehind;
  }
  ~OwnWindow() { EXPECT_EQ(words.back(), kBehind); }
  static constexpr uint64_t kBehind = 0xBE41D;
  uint64_t newest = 0;
  std::vector<uint64_t> words;
  ReplayWindow window;
};

TEST(ReplayWindow, CheckingChangesNothing) {  // RFC 4303 §3.4.3
  OwnWindow own;
  ReplayWindow& window = own.window;
  EXPECT_EQ(window.check(0), kZero);
  EXPECT_EQ(window.check(5'000'000), kFresh);  // a forgery, say
  EXPECT_EQ(window.newest(), 0u);
  EXPECT_EQ(window.accept(1), kFresh);
  EXPECT_EQ(window.accept(1), kReplayed);
}

TEST(ReplayWindow, LeftEdgeIs1023BehindTheNewest) {
  OwnWindow own;
  ReplayWindow& window = own.window;
  ASSERT_EQ(window.accept(3000), kFresh);
  EXPECT_EQ(window.check(3000 - 1023), kFresh);
  EXPECT_EQ(window.check(3000 - 1024), kTooOld);
}

TEST(ReplayWindow, AJumpOfManyRingsForgetsEveryWord) {
  OwnWindow own;
  ReplayWindow& window = own.window;
  for (uint64_t i = 1; i <= 2048; ++i) ASSERT_EQ(window.accept(i), kFresh);
  ASSERT_EQ(window.accept(2048 * 50), kFresh);
  for (uint64_t i = 2048 * 50 - 1023; i < 2048 * 50; ++i) ASSERT_EQ(window.accept(i), kFresh) << i;
}

TEST(ReplayWindow, AgreesWithASetOfEverythingSeen) {
  std::mt19937_64 random(6479);
  for (const uint32_t size : {64u, 100u, 128u, 512u, 1024u, 2000u, 4032u, 4096u}) {
    OwnWindow own(size);
    ReplayWindow& window = own.window;
    std::set<uint64_t> seen;
    uint64_t newest = 0;
    for (uint64_t step = 0, centre = random() % 100; step < 30'000; ++step) {
      centre += random() % 500 == 0 ? random() % (6 * size) : random() % 3;
      const uint64_t sequence = centre + random() % (size + size / 2);
      ReplayVerdict want = kFresh;
      if (sequence == 0) {
        want = kZero;
      } else if (newest >= size && sequence <= newest - size) {
        want = kTooOld;
      } else if (!seen.insert(sequence).second) {
        want = kReplayed;
      }
      ASSERT_EQ(window.check(sequence), want) << sequence << " of " << size;
      ASSERT_EQ(window.accept(sequence), want) << sequence << " of " << size;
      if (want == kFresh) newest = std::max(newest, sequence);
      ASSERT_EQ(window.newest(), newest);
    }
  }
}

}  // namespace
}  // namespace farspan::ipsec
