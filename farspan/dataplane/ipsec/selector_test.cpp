// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/selector.h"

#include <gtest/gtest.h>

namespace farspan::ipsec {
namespace {

constexpr uint32_t kOffice = 0x0A0A0A00, kApp = 0xAC10010A;

TEST(TrafficSelectors, BothSidesMustHoldThePacket) {
  const TrafficSelectors selectors({{kOffice, kOffice + 255}}, {{kApp, kApp}});
  EXPECT_TRUE(selectors.covers({kOffice, kApp, 1, 2, 6}));
  EXPECT_TRUE(selectors.covers({kOffice + 255, kApp, 1, 2, 17}));
  EXPECT_FALSE(selectors.covers({kOffice + 256, kApp, 1, 2, 6}));
  EXPECT_FALSE(selectors.covers({kOffice - 1, kApp, 1, 2, 6}));
  EXPECT_FALSE(selectors.covers({kOffice, kApp + 1, 1, 2, 6}));
  EXPECT_FALSE(selectors.covers_everything());
}

TEST(TrafficSelectors, ProtocolAndPortsNarrowARange) {
  SelectorRange web;
  web.protocol = 6;
  web.port_low = 80;
  web.port_high = 81;
  const TrafficSelectors selectors({SelectorRange{}}, {web});
  EXPECT_TRUE(selectors.covers({1, 2, 1000, 80, 6}));
  EXPECT_TRUE(selectors.covers({1, 2, 1000, 81, 6}));
  EXPECT_FALSE(selectors.covers({1, 2, 1000, 82, 6}));
  EXPECT_FALSE(selectors.covers({1, 2, 1000, 79, 6}));
  EXPECT_FALSE(selectors.covers({1, 2, 1000, 80, 17}));
}

TEST(TrafficSelectors, NoneCoverNothingAndEverythingCoversAll) {
  EXPECT_FALSE(TrafficSelectors().covers({1, 2, 3, 4, 6}));
  EXPECT_FALSE(TrafficSelectors().covers({0, 0, 0, 0, 255}));
  EXPECT_TRUE(TrafficSelectors::everything().covers({0, UINT32_MAX, 0, 0, 255}));
  EXPECT_TRUE(TrafficSelectors::everything().covers_everything());
  EXPECT_TRUE(TrafficSelectors({{1, 1}, {3, 4}}, {SelectorRange{}})
                  .covers({4, 9, 0, 0, 1}));  // any range does
  EXPECT_FALSE(TrafficSelectors({{1, 1}}, {}).covers({1, 0, 0, 0, 6}));
  const TrafficSelectors two({{1, 1}, {3, 4}}, {{7, 7}, {9, 9}});
  EXPECT_TRUE(two.covers({1, 9, 0, 0, 1}));
  EXPECT_FALSE(two.covers({2, 9, 0, 0, 1}));
}

}  // namespace
}  // namespace farspan::ipsec
