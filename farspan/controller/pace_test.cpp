// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/pace.h"

#include <gtest/gtest.h>

namespace farspan::controller {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Pace, AHundredMessagesInARowAreReadAtOnceAndThenTwentyASecond) {
  Pace pace;
  Pace::Time now{seconds(1000)};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pace.after(1000, now), milliseconds(0)) << i;
  for (int i = 0; i < 100; ++i) {
    const auto wait = pace.after(0, now);
    EXPECT_GT(wait, milliseconds(49)) << i;
    EXPECT_LE(wait, milliseconds(51)) << i;
    now += wait;
  }
}

TEST(Pace, AStatusOfTenThousandTunnelsEverySecondNeverWaits) {
  Pace pace;
  Pace::Time now{seconds(1000)};
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(pace.after(35 << 20, now), milliseconds(0));
    now += seconds(1);
  }
}

TEST(Pace, HeavyMessagesAreReadMoreSlowly) {
  Pace pace;
  const Pace::Time now{seconds(1000)};
  int at_once = 0;
  while (pace.after(40 << 20, now) == milliseconds(0)) ++at_once;
  EXPECT_LT(at_once, 11);
}

}  // namespace
}  // namespace farspan::controller
