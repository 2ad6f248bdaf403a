// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/flow/flow_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace farspan::dataplane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using enum FlowDirection;

constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17;
constexpr uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kAck = 0x10;
constexpr uint32_t kNoLimit = 1 << 30;

FlowKey tcp_key(uint16_t source_port = 40000) {
  return {FlowDomain(7), 0x0A0A0A05, 0xAC10010A, source_port, 80, kTcp};
}
FlowKey udp_key(uint16_t source_port = 40000) {
  return {FlowDomain(7), 0xAC10010A, 0x0A0A0A05, source_port, 53, kUdp};
}

// A segment of a connection in which nobody has sent any data.
TcpSegment segment(uint8_t flags) { return {(flags & kSyn) != 0 ? 0u : 1u, 1, 0, 1000, flags}; }

void pass(FlowTable& table, const FlowHit& hit, milliseconds now, uint8_t flags = 0) {
  if (hit.flow->protocol == kTcp && table.follow(hit, segment(flags))) return;
  table.touch(hit, now, 1, 40);
}

void answer(FlowTable& table, const FlowKey& key) {
  pass(table, table.find(key.reversed()), milliseconds(0));
}

// The state after the packets of a connection, each "direction flags".
FlowState state_after(FlowTable& table,
                      std::initializer_list<std::pair<FlowDirection, uint8_t>> packets) {
  const FlowKey key = tcp_key();
  table.create(key, milliseconds(0));
  for (const auto& [direction, flags] : packets) {
    const FlowHit hit = table.find(direction == kOriginal ? key : key.reversed(), flags);
    if (!hit) return FlowState::kFree;
    EXPECT_EQ(hit.direction, direction);
    pass(table, hit, milliseconds(0), flags);
  }
  return table.find(key).flow->state;
}

bool is_alive_at(FlowTable& table, const FlowKey& key, milliseconds now) {
  table.age(now, kNoLimit);
  return static_cast<bool>(table.find(key));
}

}  // namespace

TEST(FlowTable, APacketAndItsAnswerFindOneFlow) {
  FlowTable table(16);
  for (const FlowKey& key : {tcp_key(), udp_key()}) {
    EXPECT_FALSE(table.find(key));
    Flow* flow = table.create(key, milliseconds(0));
    ASSERT_NE(flow, nullptr);
    EXPECT_EQ(table.find(key).flow, flow);
    EXPECT_EQ(table.find(key).direction, kOriginal);
    EXPECT_EQ(table.find(key.reversed()).flow, flow);
    EXPECT_EQ(table.find(key.reversed()).direction, kReply);
    EXPECT_EQ(flow->key(), key);
    EXPECT_EQ(flow->key(kReply), key.reversed());
  }
  EXPECT_EQ(table.size(), 2u);
}

TEST(FlowTable, AFlowJustFoundIsForgottenAtOnce) {
  FlowTable table(1);
  Flow* const flow = table.create(udp_key(1), milliseconds(0));
  ASSERT_EQ(table.find(udp_key(1)).flow, flow);
  table.erase(flow);
  EXPECT_FALSE(table.find(udp_key(1)));
  ASSERT_EQ(table.create(udp_key(2), milliseconds(0)), flow);  // in the same place
  EXPECT_FALSE(table.find(udp_key(1)));
  EXPECT_EQ(table.find(udp_key(2).reversed()).direction, kReply);
  EXPECT_EQ(table.find(udp_key(2)).direction, kOriginal);
}

TEST(FlowTable, EveryPartOfTheKeyCounts) {
  FlowTable table(16);
  const FlowKey key = udp_key();
  table.create(key, milliseconds(0));
  std::vector<FlowKey> others(6, key);
  others[0].domain = FlowDomain(8);
  others[1].source ^= 1;
  others[2].destination ^= 1;
  others[3].source_port ^= 1;
  others[4].destination_port ^= 1;
  others[5].protocol = kTcp;
  for (const FlowKey& other : others) {
    EXPECT_FALSE(table.find(other));
    EXPECT_TRUE(table.find(key));
  }
  for (const FlowKey& other : others) EXPECT_FALSE(table.find(other)) << "behind the flow itself";
  FlowKey crossed = key;
  std::swap(crossed.source_port, crossed.destination_port);
  EXPECT_FALSE(table.find(crossed)) << "ports belong to their addresses";
}

TEST(FlowTable, AnIcmpErrorIsFoundByTheReversedKeyOfWhatItQuotes) {  // RFC 792: it quotes the
                                                                     // packet it is about
  FlowTable table(16);
  table.create(udp_key(), milliseconds(0));
  const FlowKey quoted =
      udp_key();  // sent in the original direction, so the error comes against it
  EXPECT_EQ(table.find(quoted.reversed()).direction, kReply);
  const FlowKey quoted_answer = udp_key().reversed();
  EXPECT_EQ(table.find(quoted_answer.reversed()).direction, kOriginal);
}

TEST(FlowTable, CountsEachDirectionForItself) {
  FlowTable table(16);
  Flow* flow = table.create(udp_key(), milliseconds(0));
  table.touch({flow, kOriginal}, milliseconds(0), 40, 60'000);
  table.touch({flow, kReply}, milliseconds(0), 1, 100);
  table.touch({flow, kReply}, milliseconds(0), 1, 100);
  EXPECT_EQ(flow->counted(kOriginal).packets, 40u);
  EXPECT_EQ(flow->counted(kOriginal).bytes, 60'000u);
  EXPECT_EQ(flow->counted(kReply).packets, 2u);
  EXPECT_EQ(flow->counted(kReply).bytes, 200u);
}

TEST(FlowTable, AFullTableOfFlowsThatLiveTakesNoneUntilOneIsForgotten) {
  FlowTable table(4);
  for (uint16_t port = 1; port <= 4; ++port) {
    ASSERT_NE(table.create(udp_key(port), milliseconds(0)), nullptr);
    answer(table, udp_key(port));
  }
  EXPECT_EQ(table.create(udp_key(5), milliseconds(0)), nullptr);
  table.erase(table.find(udp_key(2)).flow);
  EXPECT_FALSE(table.find(udp_key(2)));
  EXPECT_NE(table.create(udp_key(5), milliseconds(0)), nullptr);
  EXPECT_EQ(table.size(), 4u);
  EXPECT_EQ(table.evicted(), 0u);
}

TEST(FlowTable, WhatWasNotAnsweredMakesRoomOldestFirst) {
  FlowTable table(4);
  for (uint16_t port = 1; port <= 4; ++port) table.create(udp_key(port), milliseconds(0));
  answer(table, udp_key(1));
  ASSERT_NE(table.create(udp_key(5), milliseconds(0)), nullptr);
  EXPECT_TRUE(table.find(udp_key(1))) << "was answered";
  EXPECT_FALSE(table.find(udp_key(2))) << "was not";
  EXPECT_TRUE(table.find(udp_key(3)));
  EXPECT_EQ(table.size(), 4u);
  EXPECT_EQ(table.evicted(), 1u);
}

TEST(FlowTable, AWayHoldsForOneVersionAndOneIngress) {
  const Ingress office = Ingress::of(TunnelIndex(3)), port = Ingress::of(PortIndex(3));
  FlowWay way;
  EXPECT_FALSE(way.holds(TablesVersion(0), Ingress{})) << "nothing was decided";
  way = {Adjacency::to_port(PortIndex(1)), TablesVersion(5), office};
  EXPECT_TRUE(way.holds(TablesVersion(5), office));
  EXPECT_FALSE(way.holds(TablesVersion(6), office));
  EXPECT_FALSE(way.holds(TablesVersion(5), Ingress::of(TunnelIndex(4))));
  EXPECT_FALSE(way.holds(TablesVersion(5), port));
  EXPECT_TRUE(port.is_port() && !port.is_tunnel() && office.is_tunnel() && !office.is_port());
  EXPECT_EQ(office.tunnel(), TunnelIndex(3));
  EXPECT_EQ(port.port(), PortIndex(3));
}

TEST(FlowTable, AWayRemembersItsSaForOneVersionOfTheSas) {
  FlowWay way;
  EXPECT_EQ(way.sa_of(1), nullptr);
  auto* const sa = reinterpret_cast<ipsec::OutboundSa*>(&way);  // whichever: nobody looks at it
  way.sa = sa;
  way.sas_version = 8;
  EXPECT_EQ(way.sa_of(8), sa);
  EXPECT_EQ(way.sa_of(9), nullptr);
}

TEST(FlowTable, FollowsTcpConnections) {
  const auto state = [](std::initializer_list<std::pair<FlowDirection, uint8_t>> packets) {
    FlowTable table(4);
    return state_after(table, packets);
  };
  using enum FlowState;
  EXPECT_EQ(state({{kOriginal, kSyn}}), kTcpOpening);
  EXPECT_EQ(state({{kOriginal, kSyn}, {kReply, kSyn | kAck}}), kTcpOpening);
  EXPECT_EQ(state({{kOriginal, kSyn}, {kReply, kSyn | kAck}, {kOriginal, kAck}}), kTcpEstablished);
  EXPECT_EQ(state({{kOriginal, kSyn}, {kReply, kRst | kAck}}), kTcpClosing);
  // picked up in the middle
  EXPECT_EQ(state({{kOriginal, kAck}}), kTcpOpening);
  EXPECT_EQ(state({{kOriginal, kAck}, {kOriginal, kAck}}), kTcpOpening);
  EXPECT_EQ(state({{kOriginal, kAck}, {kReply, kAck}}), kTcpEstablished);
  // one FIN closes one half only
  EXPECT_EQ(state({{kOriginal, kAck}, {kReply, kAck}, {kReply, kFin | kAck}}), kTcpEstablished);
  EXPECT_EQ(state({{kOriginal, kAck}, {kReply, kFin | kAck}, {kReply, kFin | kAck}}),
            kTcpEstablished);
  EXPECT_EQ(state({{kOriginal, kAck}, {kReply, kFin | kAck}, {kOriginal, kFin | kAck}}),
            kTcpClosing);
  EXPECT_EQ(state({{kOriginal, kAck}, {kReply, kAck}, {kOriginal, kRst}, {kReply, kAck}}),
            kTcpClosing);
}

TEST(FlowTable, ASynAfterTheEndIsAnotherConnection) {
  using enum FlowState;
  {
    FlowTable table(4);
    EXPECT_EQ(state_after(table, {{kOriginal, kSyn}, {kReply, kRst | kAck}, {kReply, kSyn}}), kFree)
        << "an answer's place is no right to connect the other way";
    EXPECT_EQ(table.size(), 0u);
  }
  FlowTable table(4);
  EXPECT_EQ(state_after(table, {{kOriginal, kAck}, {kReply, kAck}, {kReply, kSyn}}),
            kTcpEstablished)
      << "a forged SYN ends nothing";
  FlowTable other(4);
  EXPECT_EQ(state_after(other, {{kOriginal, kSyn}, {kReply, kRst | kAck}, {kReply, kSyn | kAck}}),
            kTcpClosing)
      << "only a bare SYN opens";
}

TEST(FlowTable, ForgetsAfterTheIdleTimeOfItsState) {
  const auto expect_idle_time = [](uint8_t protocol,
                                   std::vector<std::pair<FlowDirection, uint8_t>> packets,
                                   seconds idle_time) {
    FlowTable table(4);
    FlowKey key = udp_key();
    key.protocol = protocol;
    table.create(key, seconds(100));
    for (const auto& [direction, flags] : packets) {
      pass(table, {table.find(key).flow, direction}, seconds(101), flags);
    }
    const auto start = packets.empty() ? seconds(100) : seconds(101);
    EXPECT_TRUE(is_alive_at(table, key, start + idle_time - milliseconds(1))) << idle_time.count();
    EXPECT_FALSE(is_alive_at(table, key, start + idle_time)) << idle_time.count();
    EXPECT_EQ(table.size(), 0u);
  };
  expect_idle_time(kUdp, {}, seconds(120));
  expect_idle_time(kUdp, {{kOriginal, 0}}, seconds(120));
  expect_idle_time(kUdp, {{kReply, 0}}, seconds(180));
  expect_idle_time(kIcmp, {{kReply, 0}}, seconds(60));
  expect_idle_time(kTcp, {{kOriginal, kSyn}}, seconds(240));
  expect_idle_time(kTcp, {{kOriginal, kAck}, {kReply, kAck}}, seconds(7440));  // RFC 5382 §5
  expect_idle_time(kTcp, {{kOriginal, kAck}, {kReply, kAck}, {kReply, kFin | kAck}},
                   seconds(7440));  // half closed is open
  expect_idle_time(kTcp, {{kOriginal, kAck}, {kReply, kAck}, {kReply, kRst}}, seconds(240));
}

TEST(FlowTable, AConnectionThatClosesLateIsForgottenEarly) {
  FlowTable table(4);
  const FlowKey key = tcp_key();
  for (const uint16_t port : {uint16_t{40000}, uint16_t{40001}}) {
    table.create(tcp_key(port), seconds(0));
    pass(table, {table.find(tcp_key(port)).flow, kReply}, seconds(0), kAck);
    pass(table, {table.find(tcp_key(port)).flow, kOriginal}, seconds(0), kAck);
  }
  EXPECT_TRUE(is_alive_at(table, key, seconds(100)));
  pass(table, table.find(key), seconds(100), kRst);
  EXPECT_TRUE(is_alive_at(table, key, seconds(339)));
  EXPECT_FALSE(is_alive_at(table, key, seconds(340)));
  EXPECT_TRUE(is_alive_at(table, tcp_key(40001), seconds(7439)));
  EXPECT_FALSE(is_alive_at(table, tcp_key(40001), seconds(7440)));
}

// RFC 5961: hosts ignore a RST that is not exact; whoever goes on behind one did not send it.
TEST(FlowTable, AForgedResetEndsNothing) {
  FlowTable table(4);
  const FlowKey key = tcp_key();
  table.create(key, seconds(0));
  for (const FlowDirection direction : {kOriginal, kReply})
    pass(table, {table.find(key).flow, direction}, seconds(0), kAck);
  const auto state = [&] { return table.find(key).flow->state; };
  const FlowHit reply = table.find(key.reversed());
  EXPECT_EQ(table.follow(reply, {0xdeadbeef, 0, 0, 0, kRst}), DropReason::kTcpReset);
  EXPECT_EQ(table.follow(reply, {500, 0, 0, 0, kRst}), std::nullopt) << "the host judges it";
  EXPECT_EQ(state(), FlowState::kTcpEstablished);
  EXPECT_EQ(table.follow(reply, {1, 0, 0, 0, kRst}), std::nullopt);
  EXPECT_EQ(state(), FlowState::kTcpClosing);
  pass(table, table.find(key), seconds(1), kAck);
  EXPECT_EQ(state(), FlowState::kTcpClosing) << "was on its way";
  pass(table, reply, seconds(1), kAck);
  EXPECT_EQ(state(), FlowState::kTcpEstablished);
}

TEST(FlowTable, AConnectionThatMovedIsPickedUpAgain) {
  FlowTable table(4);
  const FlowKey key = tcp_key();
  table.create(key, seconds(0));
  for (const FlowDirection direction : {kOriginal, kReply})
    pass(table, {table.find(key).flow, direction}, seconds(0), kAck);
  const TcpSegment later{5'000'000, 7'000'000, 100, 1000, kAck};
  EXPECT_EQ(table.follow(table.find(key), later), DropReason::kTcpWindow);
  EXPECT_EQ(table.follow(table.find(key), later, true), std::nullopt);
  EXPECT_EQ(table.follow(table.find(key), later), std::nullopt) << "the other was not seen yet";
}

TEST(FlowTable, FlowsOfOneHashAreToldApart) {
  const FlowHash hash({0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0,
                       0x082EFA98EC4E6C89, 0x452821E638D01377, 0xBE5466CF34E90C6C,
                       0xC0AC29B7C97C50DD});
  FlowTable table(4, hash);
  std::map<uint32_t, FlowKey> by_hash;
  FlowKey key = udp_key();
  std::mt19937 rng(3032);
  for (int i = 0; i < 1'000'000; ++i) {
    key.domain = FlowDomain(static_cast<uint32_t>(rng()));  // steps of one size may never meet
    const auto [other, is_new] = by_hash.emplace(table.query(key).hash, key);
    if (is_new || other->second == key) continue;
    table.create(other->second, seconds(0));
    EXPECT_FALSE(table.find(key));
    EXPECT_NE(table.create(key, seconds(0)), table.find(other->second).flow);
    EXPECT_EQ(table.find(key).flow->key(), key);
    return;
  }
  FAIL() << "no two of a million VRFs have one hash of 32 bits";
}

TEST(FlowTable, AgeingLooksAtNoMoreFlowsThanItsBudget) {
  FlowTable table(100);
  for (uint16_t port = 0; port < 100; ++port) table.create(udp_key(port), milliseconds(0));
  EXPECT_FALSE(table.is_late(seconds(0)));
  EXPECT_EQ(table.age(seconds(120), 30), 30u);
  EXPECT_EQ(table.age(seconds(120), 30), 30u);
  EXPECT_TRUE(table.is_late(seconds(120)));
  EXPECT_EQ(table.age(seconds(120), kNoLimit), 40u);
  EXPECT_FALSE(table.is_late(seconds(120)));
  EXPECT_EQ(table.size(), 0u);
}

TEST(FlowTable, AgesAfterADayWithoutACall) {
  FlowTable table(4);
  table.create(udp_key(), seconds(5));
  EXPECT_EQ(table.age(std::chrono::hours(24), 10), 1u);
  table.create(udp_key(), std::chrono::hours(24));
  EXPECT_TRUE(is_alive_at(table, udp_key(), std::chrono::hours(24) + seconds(119)));
  EXPECT_FALSE(is_alive_at(table, udp_key(), std::chrono::hours(24) + seconds(120)));
}

TEST(FlowTable, CopiesEveryFlowOnceInSteps) {
  FlowTable table(100);
  for (uint16_t port = 0; port < 100; ++port) table.create(udp_key(port), milliseconds(0));
  for (uint16_t port = 0; port < 100; port += 3) table.erase(table.find(udp_key(port)).flow);
  std::set<uint16_t> ports;
  std::vector<Flow> rows(10);
  for (std::optional<uint32_t> cursor = 0; cursor;) {
    const size_t filled = table.copy(&cursor, 16, rows);
    for (size_t i = 0; i < filled; ++i) EXPECT_TRUE(ports.insert(rows[i].key().source_port).second);
  }
  EXPECT_EQ(ports.size(), table.size());
  EXPECT_EQ(ports.size(), 66u);
}

// A plain map against the table, on few keys, so that they collide, fill it and wrap around.
TEST(FlowTable, AgreesWithAPlainMapOnRandomTraffic) {
  struct Plain {
    FlowKey original;
    milliseconds last_seen;
    milliseconds timeout;
    uint64_t packets = 0;
  };
  std::mt19937 rng(5575);
  constexpr uint32_t kCapacity = 48;
  FlowTable table(kCapacity);
  std::map<FlowKey, Plain> plain;  // by the smaller of a key and its reverse
  milliseconds now = seconds(1000);
  const auto canonical = [](const FlowKey& key) { return std::min(key, key.reversed()); };
  const auto draw = [&](uint32_t below) { return static_cast<uint32_t>(rng() % below); };
  for (int i = 0; i < 300'000; ++i) {
    const FlowKey key{FlowDomain(draw(2)),
                      draw(3),
                      draw(3),
                      static_cast<uint16_t>(draw(3)),
                      static_cast<uint16_t>(draw(3)),
                      draw(3) == 0 ? kTcp : kUdp};
    const auto known = plain.find(canonical(key));
    const FlowHit hit = table.find(key, kAck);
    ASSERT_EQ(static_cast<bool>(hit), known != plain.end());
    if (!hit) {
      if (plain.size() == kCapacity) continue;  // who makes room: flow_shares_test.cpp
      ASSERT_NE(table.create(key, now), nullptr);
      plain[canonical(key)] = {key, now, key.protocol == kTcp ? seconds(240) : seconds(120)};
    } else if (draw(50) == 0) {
      table.erase(hit.flow);
      plain.erase(known);
    } else {
      Plain& expected = known->second;
      ASSERT_EQ(hit.flow->key(), expected.original);
      ASSERT_EQ(hit.direction, key == expected.original ? kOriginal : kReply);
      pass(table, hit, now, draw(10) == 0 ? kRst : kAck);
      expected.last_seen = now;
      expected.timeout = hit.flow->state == FlowState::kTcpEstablished ? seconds(7440)
                         : key.protocol == kTcp                        ? seconds(240)
                         : hit.direction == kReply                     ? seconds(180)
                                                                       : expected.timeout;
      ++expected.packets;
      ASSERT_EQ(hit.flow->counters[0].packets + hit.flow->counters[1].packets, expected.packets);
    }
    if (draw(8) == 0) {
      now += draw(100) == 0 ? milliseconds(draw(10'000'000)) : milliseconds(draw(4'000));
      table.age(now, kNoLimit);
      // a flow may be forgotten within the second in which its time is over, and must be after it
      std::erase_if(plain, [&](const auto& item) {
        const milliseconds expiry = item.second.last_seen + item.second.timeout;
        const bool is_found = static_cast<bool>(table.find(item.first));
        EXPECT_TRUE(expiry <= now || is_found);
        EXPECT_FALSE(expiry <= std::chrono::floor<seconds>(now) && is_found);
        return !is_found;
      });
    }
    ASSERT_EQ(table.size(), plain.size());
  }
}

}  // namespace farspan::dataplane
