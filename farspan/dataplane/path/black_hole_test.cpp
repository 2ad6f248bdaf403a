// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/path/black_hole.h"

#include <gtest/gtest.h>

namespace farspan::dataplane {
namespace {

using enum BlackHole::Finding;
constexpr BlackHole::Flow kFlow{0x0A010005, 0xAC100005, 80, 4000};
constexpr BlackHole::Flow kOther{0x0A010005, 0xAC100006, 80, 4000};

BlackHole::Segment full(uint32_t sequence = 1000, const BlackHole::Flow& flow = kFlow,
                        uint32_t outer_length = 1500) {
  return {flow, sequence, outer_length};
}

// The segment and `repeats` repetitions after ever longer pauses; the last finding.
BlackHole::Finding repeat(BlackHole& hole, uint64_t& now_ms, const BlackHole::Segment& segment,
                          int repeats) {
  auto last = kNothing;
  for (int i = 0; i < repeats; ++i) {
    EXPECT_EQ(last, kNothing);
    now_ms += 200;
    last = hole.sent(segment, now_ms);
  }
  return last;
}

TEST(BlackHole, ThreeRepetitionsWithoutProgressAreOne) {  // RFC 2923 §2.1
  BlackHole hole;
  uint64_t now_ms = 1000;
  EXPECT_EQ(hole.sent(full(), now_ms), kNothing);
  EXPECT_EQ(repeat(hole, now_ms, full(), 3), kTry);
  EXPECT_EQ(hole.mtu(), 1280u);
  EXPECT_EQ(hole.acknowledged(kFlow, 1000), kNothing) << "nothing of it";
  EXPECT_EQ(hole.acknowledged(kOther, 2000), kNothing);
  EXPECT_EQ(hole.acknowledged(kFlow, 1001), kKeep);
  EXPECT_EQ(hole.mtu(), 1280u);
  EXPECT_EQ(hole.acknowledged(kFlow, 2000), kNothing);
}

TEST(BlackHole, ALossThatIsRepairedIsNone) {
  BlackHole hole;
  uint64_t now_ms = 1000;
  for (uint32_t sequence = 1000; sequence < 100'000; sequence += 1400) {
    hole.sent(full(sequence), now_ms);
    EXPECT_EQ(repeat(hole, now_ms, full(sequence), 2), kNothing);
    EXPECT_EQ(hole.acknowledged(kFlow, sequence + 1400), kNothing);
  }
}

TEST(BlackHole, RepetitionsOfOneMomentAreOne) {
  BlackHole hole;
  hole.sent(full(), 1000);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(hole.sent(full(), 1100), kNothing);
}

TEST(BlackHole, AFlowThatIsRepeatedFromFurtherBackIsWatchedFromThere) {
  BlackHole hole;
  uint64_t now_ms = 1000;
  hole.sent(full(15'000), now_ms);  // in the middle of a window
  now_ms += 200;
  EXPECT_EQ(hole.sent(full(1000), now_ms), kNothing);
  EXPECT_EQ(repeat(hole, now_ms, full(1000), 2), kTry);
  EXPECT_EQ(hole.acknowledged(kFlow, 1500), kKeep);
}

TEST(BlackHole, AnOutageIsGivenUpAndNotTakenForOneAgain) {
  BlackHole hole;
  uint64_t now_ms = 1000;
  hole.sent(full(), now_ms);
  EXPECT_EQ(repeat(hole, now_ms, full(), 3), kTry);
  EXPECT_EQ(repeat(hole, now_ms, full(1000, kFlow, 1280), 3), kTry);
  EXPECT_EQ(hole.mtu(), 576u);
  EXPECT_EQ(repeat(hole, now_ms, full(1000, kFlow, 576), 3), kGiveUp);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(repeat(hole, now_ms, full(), 1), kNothing);
  now_ms += 60'000;
  hole.sent(full(), now_ms);
  EXPECT_EQ(repeat(hole, now_ms, full(), 3), kTry);
}

TEST(BlackHole, AFlowThatEndedMakesRoomForAnother) {
  BlackHole hole;
  uint64_t now_ms = 1000;
  hole.sent(full(), now_ms);
  EXPECT_EQ(repeat(hole, now_ms, full(), 3), kTry);
  EXPECT_EQ(hole.sent(full(7, kOther), now_ms + 1000), kNothing);
  now_ms += 16'000;
  EXPECT_EQ(hole.sent(full(7, kOther), now_ms), kGiveUp) << "nothing came of it";
  EXPECT_EQ(repeat(hole, now_ms, full(7, kOther), 3), kTry);
}

TEST(BlackHole, SmallPacketsAreNone) {
  BlackHole hole;
  uint64_t now_ms = 1000;
  EXPECT_EQ(repeat(hole, now_ms, full(1000, kFlow, 576), 20), kNothing);
  EXPECT_FALSE(hole.is_watching());
}

}  // namespace
}  // namespace farspan::dataplane
