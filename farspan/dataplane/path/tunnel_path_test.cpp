// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/path/tunnel_path.h"

#include <gtest/gtest.h>

#include "farspan/dataplane/path/plateau.h"
#include "farspan/dataplane/path/sent_sas.h"

namespace farspan::dataplane {
namespace {

constexpr uint32_t kPeer = 0xC0000202;

TEST(TunnelPath, GoesByTheRouteUntilSomethingLessIsLearnt) {
  TunnelPath path;
  EXPECT_EQ(path.report().origin, MtuOrigin::kUnknown);
  path.set_route(kPeer, 1500, 100);
  EXPECT_EQ(path.in_force(100).mtu, 1500u);
  EXPECT_FALSE(path.lower(1500, MtuOrigin::kQuote, 100)) << "no news";
  EXPECT_FALSE(path.lower(9000, MtuOrigin::kQuote, 100));
  EXPECT_TRUE(path.lower(1300, MtuOrigin::kQuote, 101));
  EXPECT_EQ(path.in_force(101).mtu, 1300u);
  EXPECT_FALSE(path.lower(1400, MtuOrigin::kQuote, 101)) << "a quote never raises";
  const PathReport report = path.report();
  EXPECT_EQ(report.origin, MtuOrigin::kQuote);
  EXPECT_EQ(report.mtu, 1300u);
  EXPECT_EQ(report.route_mtu, 1500u);
  EXPECT_EQ(report.since_seconds, 101u);
  path.set_route(kPeer, 1280, 102);
  EXPECT_EQ(path.in_force(102).mtu, 1280u);
  EXPECT_EQ(path.report().origin, MtuOrigin::kRoute);
}

TEST(TunnelPath, WhatIsDeclaredBoundsTheRouteAndNotWhatIsLearnt) {
  TunnelPath path;
  path.set_route(kPeer, 1500, 100, 1400);
  EXPECT_EQ(path.in_force(100).mtu, 1400u);
  EXPECT_EQ(path.report().origin, MtuOrigin::kDeclared);
  EXPECT_EQ(path.report().mtu, 1400u);
  EXPECT_EQ(path.report().route_mtu, 1500u);
  EXPECT_FALSE(path.lower(1450, MtuOrigin::kQuote, 100));
  EXPECT_TRUE(path.lower(1300, MtuOrigin::kQuote, 101));
  EXPECT_EQ(path.in_force(101).mtu, 1300u);
  EXPECT_EQ(path.report().origin, MtuOrigin::kQuote);
  path.set_route(kPeer, 1350, 102, 1400);
  EXPECT_TRUE(path.forget(MtuOrigin::kQuote, 102));
  EXPECT_EQ(path.in_force(102).mtu, 1350u);
  EXPECT_EQ(path.report().origin, MtuOrigin::kRoute);
  path.set_route(kPeer, 1500, 103);
  EXPECT_EQ(path.in_force(103).mtu, 1500u) << "nothing is declared any more";
}

TEST(TunnelPath, ForgetsTenMinutesAfterItWasLastTold) {  // RFC 1191 §6.3
  TunnelPath path;
  path.set_route(kPeer, 1500, 100);
  EXPECT_TRUE(path.lower(1300, MtuOrigin::kQuote, 100));
  EXPECT_FALSE(path.lower(1300, MtuOrigin::kQuote, 400));
  EXPECT_EQ(path.in_force(999).mtu, 1300u);
  EXPECT_EQ(path.in_force(999).until_seconds, 1000u);
  EXPECT_EQ(path.in_force(1000).mtu, 1500u);
  EXPECT_EQ(path.report().origin, MtuOrigin::kRoute);
}

TEST(TunnelPath, NeverGoesBelow576AndLetsLargerPacketsBeFragmentedInstead) {
  TunnelPath path;
  path.set_route(kPeer, 1500, 100);
  EXPECT_TRUE(path.lower(68, MtuOrigin::kQuote, 100));
  EXPECT_EQ(path.in_force(100).mtu, 576u);
  EXPECT_TRUE(path.in_force(100).may_fragment);
}

TEST(TunnelPath, KnowsNothingOfWhereThePeerMovedTo) {
  TunnelPath path;
  path.set_route(kPeer, 1500, 100);
  EXPECT_TRUE(path.lower(1300, MtuOrigin::kQuote, 100));
  path.set_route(kPeer, 1500, 101);
  EXPECT_EQ(path.in_force(101).mtu, 1300u);
  path.set_route(kPeer + 1, 1500, 102);
  EXPECT_EQ(path.in_force(102).mtu, 1500u);
}

TEST(PlateauBelow, IsTheNextSmallerUsualMtu) {  // RFC 1191 §7.1
  EXPECT_EQ(plateau_below(1500), 1492u);
  EXPECT_EQ(plateau_below(1450), 1400u);
  EXPECT_EQ(plateau_below(9000), 8166u);
  EXPECT_EQ(plateau_below(68), 68u);
  EXPECT_EQ(plateau_below(65535), 32000u);
}

TEST(SentSas, FindsWhatWasNotedAndForgetsTheDeadWhenItGrows) {
  SentSas sas;
  const auto all = [](const SentSas::Entry&) { return true; };
  for (uint32_t spi = 1; spi <= 5000; ++spi) sas.note({kPeer + spi % 3, spi, spi + 7}, all);
  for (uint32_t spi = 1; spi <= 5000; ++spi) ASSERT_EQ(sas.find(kPeer + spi % 3, spi), spi + 7);
  EXPECT_EQ(sas.find(kPeer, 1), std::nullopt) << "of another peer";
  sas.note({kPeer + 1, 1, 99}, all);
  EXPECT_EQ(sas.find(kPeer + 1, 1), 99u);
  const auto odd = [](const SentSas::Entry& entry) { return entry.spi % 2 == 1; };
  for (uint32_t spi = 5001; spi <= 20000; ++spi) sas.note({kPeer, spi, 1}, odd);
  EXPECT_EQ(sas.find(kPeer + 2, 2), std::nullopt);
  EXPECT_EQ(sas.find(kPeer, 3), 10u);
}

}  // namespace
}  // namespace farspan::dataplane
