// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/path/probe_search.h"

#include <gtest/gtest.h>

#include <vector>

namespace farspan::dataplane {
namespace {

// A way of `mtu` bytes and back, to a peer that answers probes or not.
struct Way {
  uint32_t mtu = 1500, route_mtu = 1500;
  uint64_t round_trip_ms = 20;
  bool has_answers = true, is_busy = true;
  uint32_t in_use = 1500;
  uint64_t now_ms = 10'000;
  uint64_t probes = 0;
  ProbeSearch search{};

  // Lives `ms` milliseconds.
  void live(uint64_t ms) {
    struct Answer {
      uint64_t number, at_ms;
    };
    std::vector<Answer> answers;
    for (const uint64_t end = now_ms + ms; now_ms < end; ++now_ms) {
      for (const Answer& answer : answers) {
        if (answer.at_ms == now_ms) search.take_answer(answer.number, now_ms);
      }
      if (now_ms >= search.due_ms()) {
        for (const auto& probe : search.next_round(now_ms, route_mtu, in_use, is_busy)) {
          ++probes;
          EXPECT_LE(probe.size, route_mtu);
          if (has_answers && probe.size <= mtu)
            answers.push_back({probe.number, now_ms + round_trip_ms});
        }
      }
      if (const auto result = search.take_result()) in_use = *result;
    }
  }
};

TEST(ProbeSearch, ConfirmsWithOneProbeASecond) {
  Way way;
  way.live(10'000);
  EXPECT_EQ(way.in_use, 1500u);
  EXPECT_GE(way.probes, 9u);
  EXPECT_LE(way.probes, 10u);
}

TEST(ProbeSearch, FindsASmallerPathToTheByteWithinThreeSeconds) {
  for (const uint32_t route : {1500u, 9000u}) {
    for (const uint32_t mtu : {576u, 1279u, 1280u, 1281u, 1300u, 1492u, 1499u, 4352u, 8999u}) {
      if (mtu >= route) continue;
      Way way{.mtu = route, .route_mtu = route, .round_trip_ms = 80, .in_use = route};
      way.live(5000);
      way.mtu = mtu;
      way.live(3000);
      EXPECT_EQ(way.in_use, mtu) << "of " << route;
    }
  }
}

TEST(ProbeSearch, FindsALargerPathWithinThreeSeconds) {
  Way way{.mtu = 1300, .route_mtu = 9000, .in_use = 9000};
  way.live(3000);
  EXPECT_EQ(way.in_use, 1300u) << "from the beginning";
  for (const uint32_t mtu : {1308u, 1500u, 8000u, 9000u}) {
    way.mtu = mtu;
    way.live(3000);
    EXPECT_EQ(way.in_use, mtu);
  }
  way.mtu = 1284;
  way.live(3000);
  EXPECT_EQ(way.in_use, 1284u);
  way.mtu = 1289;  // less than one step more
  way.live(10'000);
  EXPECT_GE(way.in_use, 1284u);
}

TEST(ProbeSearch, ASilentPeerIsAskedThreeTimesAndNothingIsConcluded) {
  Way way{.has_answers = false};
  way.live(60'000);
  EXPECT_EQ(way.in_use, 1500u);
  EXPECT_LE(way.probes, 3 * 14u);
  way.probes = 0;
  way.live(500'000);
  EXPECT_EQ(way.probes, 0u);
  way.has_answers = true;
  way.search.start_again();  // a new SA: perhaps of another program
  way.mtu = 1400;
  way.live(3000);
  EXPECT_EQ(way.in_use, 1400u);
}

TEST(ProbeSearch, AnOutageLowersNothing) {
  Way way;
  way.live(5000);
  way.has_answers = false;
  way.live(60'000);
  EXPECT_EQ(way.in_use, 1500u);
  way.has_answers = true;
  way.mtu = 1400;  // it came back by another way
  way.live(6000);
  EXPECT_EQ(way.in_use, 1400u);
}

TEST(ProbeSearch, AnIdleLinkIsProbedEveryTenMinutes) {
  Way way;
  way.live(2000);
  way.is_busy = false;
  way.probes = 0;
  way.live(599'000);
  EXPECT_EQ(way.probes, 0u);
  way.live(2000);
  EXPECT_EQ(way.probes, 1u);
  way.mtu = 1400;
  way.is_busy = true;
  way.live(3000);
  EXPECT_EQ(way.in_use, 1400u);
}

TEST(ProbeSearch, FollowsTheRouteDownAtOnceAndUpByProbing) {
  Way way;
  way.live(2000);
  way.route_mtu = way.in_use = way.mtu = 1300;
  way.live(2000);
  EXPECT_EQ(way.in_use, 1300u);
  way.route_mtu = 9000;
  way.mtu = 4000;
  way.live(3000);
  EXPECT_EQ(way.in_use, 4000u);
}

TEST(ProbeSearch, AnswersToNothingAreRefused) {
  ProbeSearch search;
  EXPECT_FALSE(search.take_answer(0, 5));
  EXPECT_FALSE(search.take_answer(1, 5));
  EXPECT_FALSE(search.next_round(10, 1500, 1500, true).empty());
  EXPECT_FALSE(search.take_answer(2, 20));
  EXPECT_TRUE(search.take_answer(1, 20));
}

}  // namespace
}  // namespace farspan::dataplane
