// SPDX-License-Identifier: Apache-2.0
// What a node believes of the way to its peers, and what not.
#include <farspan/v1/tables.pb.h>
#include <gmock/gmock.h>

#include "tests/packet/rig.h"

namespace farspan::dataplane::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using enum DropReason;
using enum Counter;

const Ip kToOsaka{.source = "10.1.0.5", .destination = "10.2.0.5", .has_df = true};
const Ip kToParis{.source = "10.1.0.5", .destination = "172.16.0.5", .has_df = true};
constexpr uint32_t kUdpIp = 28;

// A router has no room for segment `at` of the train.
io::Quote quote_of(const Sent& train, uint32_t mtu, size_t at = 0) {
  const uint8_t* const esp = train.bytes.data() + at * train.segment_size;
  const auto word = [&](size_t i) {
    return uint32_t{esp[i]} << 24 | uint32_t{esp[i + 1]} << 16 | uint32_t{esp[i + 2]} << 8 |
           uint32_t{esp[i + 3]};
  };
  return {.source = train.source,
          .destination = train.destination,
          .packet_length = train.segment_size + kUdpIp,
          .next_hop_mtu = mtu,
          .has_esp_header = true,
          .spi = word(0),
          .sequence = word(4)};
}

class PathMtu : public World {
 protected:
  // What the largest inner packet is that goes from berlin to `to`, as its sender learns it.
  uint32_t told_mtu(const Ip& to) {
    berlin.from_instance(5, frame(udp(to, 1, 2, std::string(1460, 'x'))));
    berlin.sent();
    const auto writes = berlin.writes_of(5);
    if (writes.size() != 1) return 0;
    const Bytes& error = writes[0].packet;
    return uint32_t{error[26]} << 8 | error[27];
  }
  Sent sent_by_berlin(const Ip& to) {
    berlin.from_instance(5, frame(udp(to, 1, 2, std::string(1390, 'x'))));
    auto trains = berlin.sent();
    EXPECT_THAT(trains, SizeIs(1));
    return trains.at(0);
  }
};

TEST_F(PathMtu, AQuoteOfWhatWasSentLowersThatTunnelAlone) {  // RFC 4301 §8.2.1
  EXPECT_EQ(told_mtu(kToOsaka), 1434u);
  const Sent sent = sent_by_berlin(kToParis);
  berlin.from_routers({quote_of(sent, 1300)});
  EXPECT_EQ(told_mtu(kToParis), 1238u);
  EXPECT_EQ(told_mtu(kToOsaka), 1434u);
  EXPECT_EQ(berlin.path_of(kOffice).origin, MtuOrigin::kQuote);
  EXPECT_EQ(berlin.path_of(kOffice).mtu, 1300u);
  EXPECT_EQ(berlin.path_of(kOffice).route_mtu, 1500u);
  EXPECT_EQ(berlin.count(kFromUnderlay), 1u);
  EXPECT_EQ(berlin.count(kConsumed), 1u);
  berlin.advance(std::chrono::seconds(599));
  EXPECT_EQ(told_mtu(kToParis), 1238u);
  berlin.advance(std::chrono::seconds(1));
  EXPECT_EQ(told_mtu(kToParis), 1438u) << "forgotten (RFC 1191 §6.3)";
}

TEST_F(PathMtu, WhatIsDeclaredHoldsAtOnceForThatTunnelAlone) {
  EXPECT_EQ(told_mtu(kToParis), 1438u);
  const auto declare = [&](uint32_t mtu) {
    berlin.program([mtu](v1::TablesBatch& batch) {
      plain_tables(batch, "10.1.0", {{"10.2.0.0/24", kLink}, {"172.16.0.0/24", kOffice}});
      allow_from(batch, "0.0.0.0/0");
      for (auto& tunnel : *batch.mutable_tunnels())
        if (tunnel.id() == kOffice) tunnel.set_mtu(mtu);
    });
  };
  declare(1300);
  EXPECT_EQ(told_mtu(kToParis), 1238u);
  EXPECT_EQ(told_mtu(kToOsaka), 1434u);
  EXPECT_EQ(berlin.path_of(kOffice).origin, MtuOrigin::kDeclared);
  EXPECT_EQ(berlin.path_of(kOffice).mtu, 1300u);
  EXPECT_EQ(berlin.path_of(kOffice).route_mtu, 1500u);
  declare(0);
  EXPECT_EQ(told_mtu(kToParis), 1438u);
  EXPECT_EQ(berlin.path_of(kOffice).origin, MtuOrigin::kRoute);
}

TEST_F(PathMtu, ForgedQuotesChangeNothingAndAreCounted) {
  const Sent sent = sent_by_berlin(kToParis);
  const io::Quote real = quote_of(sent, 576);
  std::vector<io::Quote> forged(8, real);
  forged[0].spi ^= 1;
  forged[1].sequence += 1;  // not sent yet
  forged[2].sequence -= 1;  // 0: never sent
  forged[3].destination.address += 1;
  forged[4].destination.port += 1;
  forged[5].source.address += 1;
  forged[6].destination.port = forged[6].source.port = 0;  // as if it were native ESP
  forged[7].next_hop_mtu = forged[7].packet_length;        // it would have fitted
  berlin.from_routers(forged);
  EXPECT_EQ(berlin.dropped(kForgedQuote), 8u);
  io::Quote brief = real;
  brief.has_esp_header = false;
  berlin.from_routers({brief});
  EXPECT_EQ(berlin.dropped(kShortQuote), 1u);
  EXPECT_EQ(told_mtu(kToParis), 1438u);
  EXPECT_EQ(berlin.path_of(kOffice).origin, MtuOrigin::kRoute);
}

TEST_F(PathMtu, OfATrainOneSegmentIsQuoted) {
  const Tso big = tso(kToParis, 1390, 20 * 1390);
  berlin.from_instance(5, big.frame, big.virtio);
  const auto trains = berlin.sent();
  ASSERT_THAT(trains, SizeIs(1));
  berlin.from_routers({quote_of(trains[0], 1300, 13)});
  EXPECT_EQ(told_mtu(kToParis), 1238u);
}

TEST_F(PathMtu, AnOldRouterThatNamesNoMtuIsTakenToHaveTheNextSmallerOne) {  // RFC 1191 §5
  berlin.from_routers({quote_of(sent_by_berlin(kToParis), 0)});
  EXPECT_EQ(berlin.path_of(kOffice).mtu, 1476u);
}

TEST_F(PathMtu, BelowTheLeastPacketsLeaveWithoutDfInstead) {
  berlin.from_routers({quote_of(sent_by_berlin(kToParis), 68)});
  EXPECT_EQ(berlin.path_of(kOffice).mtu, 576u);
  berlin.from_instance(5, frame(udp(kToParis, 1, 2, "small")));
  berlin.from_instance(5, frame(udp(kToOsaka, 1, 2, "small")));
  const auto trains = berlin.sent();
  ASSERT_THAT(trains, SizeIs(2));
  EXPECT_TRUE(trains[0].may_fragment);
  EXPECT_FALSE(trains[1].may_fragment);
}

TEST_F(PathMtu, AQuoteOfTheSaBeforeTheNewestCounts) {
  const Sent sent = sent_by_berlin(kToParis);
  connect(berlin, kOffice, paris, kOffice);  // a rekey
  berlin.from_routers({quote_of(sent, 1300)});
  EXPECT_EQ(told_mtu(kToParis), 1238u) << "of the path, whichever SA";
}

TEST_F(PathMtu, APeerThatMovedIsOnAnotherPath) {
  berlin.from_routers({quote_of(sent_by_berlin(kToParis), 1300)});
  EXPECT_EQ(told_mtu(kToParis), 1238u);
  berlin.move_outbound(kOffice, {address_of("203.0.113.77"), 4500});
  EXPECT_EQ(told_mtu(kToParis), 1438u);
}

TEST_F(PathMtu, AChangeOfRoutesIsFollowedAtOnce) {
  EXPECT_EQ(told_mtu(kToParis), 1438u);
  berlin.underlay_mtu = 1400;
  EXPECT_EQ(told_mtu(kToParis), 1438u) << "nobody said so";
  berlin.change_routes();
  EXPECT_EQ(told_mtu(kToParis), 1338u);
}

// What of `from` reaches `to` on a way that swallows what is larger than `mtu`.
size_t pass(TestNode& from, TestNode& to, uint32_t mtu) {
  std::vector<Sent> arriving;
  size_t packets = 0;
  for (Sent& train : from.sent()) {
    if (train.segment_size + kUdpIp > mtu) continue;
    packets += train.packets();
    arriving.push_back(std::move(train));
  }
  to.from_wire(arriving);
  return packets;
}

class Probing : public PathMtu {
 protected:
  // Three seconds of a link that is in use and silent about what it swallows.
  void live(uint32_t mtu) {
    for (int i = 0; i < 60; ++i) {
      berlin.from_instance(5, frame(udp(kToOsaka, 1, 2, "small")));
      berlin.advance(std::chrono::milliseconds(50));
      pass(berlin, osaka, mtu);
      pass(osaka, berlin, mtu);
    }
    osaka.writes_of(5);
  }
};

TEST_F(Probing, ALinkFindsItsPathDownAndUpWithinThreeSeconds) {  // RFC 8899
  live(1500);
  EXPECT_EQ(told_mtu(kToOsaka), 1434u);
  live(1300);
  EXPECT_EQ(told_mtu(kToOsaka), 1234u);
  EXPECT_EQ(berlin.path_of(kLink).origin, MtuOrigin::kProbe);
  EXPECT_EQ(berlin.path_of(kLink).mtu, 1300u);
  live(1450);
  EXPECT_EQ(told_mtu(kToOsaka), 1382u);  // in whole blocks
  berlin.underlay_mtu = 9000;
  berlin.change_routes();
  live(8000);
  EXPECT_EQ(berlin.path_of(kLink).mtu, 8000u);
  expect_drops(osaka, {});
  EXPECT_EQ(osaka.count(kConsumed), osaka.count(kAnswered)) << "a probe each";
}

TEST_F(Probing, OfficesAreNotProbedAndDoNotGetAnswers) {
  for (int i = 0; i < 60; ++i) {
    berlin.from_instance(5, frame(udp(kToParis, 1, 2, "small")));
    berlin.advance(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(berlin.count(kAnswered), 0u);
  const Bytes asking = {'F', 'S', 1, 1, 0, 0, 0, 0, 0, 0, 0, 1};
  berlin.sent();
  berlin.from_wire({paris.seal(kOffice, asking, 59)});
  EXPECT_THAT(berlin.sent(), IsEmpty());
  expect_drops(berlin, {{kDummy, 1}});
}

TEST_F(Probing, APeerThatAsksTooMuchOrAnswersUnaskedIsNotHeard) {
  const Bytes asking = {'F', 'S', 1, 1, 0, 0, 0, 0, 0, 0, 0, 1},
              telling = {'F', 'S', 1, 2, 0, 0, 0, 0, 0, 0, 0, 1},
              newer = {'F', 'S', 2, 1, 0, 0, 0, 0, 0, 0, 0, 1}, dummy(40, 0);
  for (int i = 0; i < 100; ++i) berlin.from_wire({osaka.seal(kLink, asking, 59)});
  EXPECT_EQ(berlin.sent().size(), 64u);
  berlin.from_wire(
      {osaka.seal(kLink, telling, 59), osaka.seal(kLink, newer, 59), osaka.seal(kLink, dummy, 59)});
  expect_drops(berlin, {{kDummy, 39}});
}

// 10.1.0.5 sends to paris by TCP, which is swallowed.
class OfficeBlackHole : public PathMtu {
 protected:
  void send_full(size_t length = 1390) {
    berlin.from_instance(
        5, frame(tcp(kToParis, {.source_port = 80, .destination_port = 4000, .flags = 0x10},
                     std::string(length, 'x'))));
    berlin.advance(std::chrono::milliseconds(250));
  }
};

TEST_F(OfficeBlackHole, TcpThatGetsNowhereLowersTheTunnelUntilItProves) {  // RFC 2923 §2.1
  for (int i = 0; i < 4; ++i) send_full();
  EXPECT_THAT(berlin.sent(), SizeIs(4));
  EXPECT_EQ(berlin.path_of(kOffice).origin, MtuOrigin::kBlackHole);
  send_full();
  EXPECT_THAT(berlin.sent(), IsEmpty());
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1)) << "its sender is told";
  EXPECT_EQ(told_mtu(kToParis), 1218u);
  send_full(1178);
  const auto trains = berlin.sent();
  ASSERT_THAT(trains, SizeIs(1));
  EXPECT_LE(trains[0].segment_size + kUdpIp, 1280u);
  EXPECT_TRUE(trains[0].may_fragment) << "smaller paths break it up";
  paris.from_instance(
      5, frame(tcp(
             {.source = "172.16.0.5", .destination = "10.1.0.5"},
             {.source_port = 4000, .destination_port = 80, .acknowledgment = 1001, .flags = 0x10},
             "")));
  carry(paris, berlin);
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1));
  berlin.advance(std::chrono::seconds(1199));
  EXPECT_EQ(told_mtu(kToParis), 1218u);
  berlin.advance(std::chrono::seconds(2));
  EXPECT_EQ(told_mtu(kToParis), 1438u) << "perhaps the path has grown";
}

TEST_F(OfficeBlackHole, AnOutageLeavesTheTunnelAsItWas) {
  for (int i = 0; i < 4; ++i) send_full();
  for (int i = 0; i < 3; ++i) send_full(1178);
  EXPECT_EQ(berlin.path_of(kOffice).mtu, 576u);
  for (int i = 0; i < 3; ++i) send_full(470);
  EXPECT_EQ(berlin.path_of(kOffice).origin, MtuOrigin::kRoute);
  EXPECT_EQ(told_mtu(kToParis), 1438u);
}

TEST_F(PathMtu, TowardsOfficesDfIsThatOfTheSender) {  // RFC 4301 §8.1
  Ip plain = kToParis;
  plain.has_df = false;
  berlin.from_instance(5, {frame(udp(plain, 1, 2, "x")), frame(udp(kToParis, 1, 2, "x"))});
  plain.destination = "10.2.0.5";
  berlin.from_instance(5, frame(udp(plain, 1, 2, "x")));
  std::vector<bool> may_fragment;
  for (const Sent& train : berlin.sent()) may_fragment.push_back(train.may_fragment);
  EXPECT_THAT(may_fragment, ElementsAre(true, false, false));
}

}  // namespace
}  // namespace farspan::dataplane::testing
