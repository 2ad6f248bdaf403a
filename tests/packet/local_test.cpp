// SPDX-License-Identifier: Apache-2.0
// Packets that stay on one node: ports, security groups, the router, ARP, ICMP errors, fragments.
#include <farspan/v1/tables.pb.h>
#include <gmock/gmock.h>

#include "tests/packet/rig.h"

namespace farspan::dataplane::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using enum DropReason;
using enum Counter;

using Local = World;
const Ip kToNeighbour{.source = "10.1.0.5", .destination = "10.1.0.6"};

TEST_F(Local, NeighboursReachEachOtherThroughTheNode) {
  berlin.from_instance(5, frame(udp(kToNeighbour, 4000, 53, "hello")));
  EXPECT_THAT(berlin.taken_from(6),
              ElementsAre("10.1.0.5 > 10.1.0.6 ttl=63 udp 4000 > 53 \"hello\""));
  EXPECT_EQ(berlin.count(kFromPort), 1u);
  EXPECT_EQ(berlin.count(kToPort), 1u);
  expect_drops(berlin, {});
}

TEST_F(Local, ASecurityGroupLetsRepliesInAndNothingElse) {
  berlin.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {});
    allow_from(batch, "10.1.0.5/32", 17);  // only .5, only UDP
  });
  berlin.from_instance(5, frame(udp(kToNeighbour, 4000, 53, "query")));
  EXPECT_EQ(berlin.taken_from(6).size(), 1u);
  berlin.from_instance(
      6, frame(udp({"10.1.0.6", "10.1.0.5"}, 53, 4000, "answer")));  // a reply needs no rule
  EXPECT_THAT(berlin.taken_from(5),
              ElementsAre("10.1.0.6 > 10.1.0.5 ttl=63 udp 53 > 4000 \"answer\""));
  berlin.from_instance(6, frame(udp({"10.1.0.6", "10.1.0.5"}, 53, 4001, "not asked for")));
  berlin.from_instance(5, frame(tcp(kToNeighbour, {.flags = 2}, "")));
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  EXPECT_THAT(berlin.taken_from(6), IsEmpty());
  expect_drops(berlin, {{kSecurityGroupIngress, 2}});
}

TEST_F(Local, AnEgressRuleStopsTheSender) {
  berlin.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {});
    allow_from(batch, "0.0.0.0/0");
    auto* rule = batch.mutable_security_groups(0)->add_egress();
    rule->set_protocol(17);
    rule->set_port_low(53);
    rule->set_port_high(53);
    rule->set_peer("0.0.0.0/0");
    rule->set_is_drop(true);
    rule->set_priority(1);
  });
  berlin.from_instance(5, frame(udp(kToNeighbour, 4000, 53, "no")));
  berlin.from_instance(5, frame(udp(kToNeighbour, 4000, 54, "yes")));
  EXPECT_EQ(berlin.taken_from(6).size(), 1u);
  expect_drops(berlin, {{kSecurityGroupEgress, 1}});
}

TEST_F(Local, AFlowIsDecidedAgainWhenTheTablesChange) {
  berlin.from_instance(5, frame(udp(kToNeighbour, 4000, 53, "1")));
  EXPECT_EQ(berlin.taken_from(6).size(), 1u);
  berlin.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {});
    allow_from(batch, "10.9.0.0/16");  // .5 is not allowed any more
  });
  berlin.from_instance(5, frame(udp(kToNeighbour, 4000, 53, "2")));
  berlin.from_instance(5, frame(udp(kToNeighbour, 4000, 53, "3")));
  EXPECT_THAT(berlin.taken_from(6), IsEmpty());
  expect_drops(berlin, {{kSecurityGroupIngress, 2}});
}

TEST_F(Local, AnInstanceMayOnlySendFromItsOwnAddress) {
  berlin.from_instance(5, frame(udp({"10.1.0.6", "10.2.0.5"}, 1, 2, "spoofed")));
  EXPECT_THAT(berlin.sent(), IsEmpty());
  expect_drops(berlin, {{kSpoofedSource, 1}});
}

TEST_F(Local, TheRouterSaysWhenATtlRanOut) {  // RFC 1812 §5.3.1
  berlin.from_instance(5, frame(udp({.source = "10.1.0.5", .destination = "10.1.0.6", .ttl = 1},
                                    4000, 33434, "probe")));
  EXPECT_THAT(
      berlin.taken_from(5),
      ElementsAre("10.1.0.1 > 10.1.0.5 ttl=64 tos=0xc0 icmp 11/0 about 10.1.0.5 > 10.1.0.6"));
  EXPECT_THAT(berlin.taken_from(6), IsEmpty());
  EXPECT_EQ(berlin.count(kAnswered), 1u);
  expect_drops(berlin, {{kTtlExceeded, 1}});
}

TEST_F(Local, NoRouteAndNoHostAreReported) {
  berlin.from_instance(5, frame(udp({"10.1.0.5", "198.51.100.1"}, 1, 2, "x")));
  berlin.from_instance(5, frame(udp({"10.1.0.5", "10.1.0.77"}, 1, 2, "x")));
  EXPECT_THAT(
      berlin.taken_from(5),
      ElementsAre("10.1.0.1 > 10.1.0.5 ttl=64 tos=0xc0 icmp 3/0 about 10.1.0.5 > 198.51.100.1",
                  "10.1.0.1 > 10.1.0.5 ttl=64 tos=0xc0 icmp 3/1 about 10.1.0.5 > 10.1.0.77"));
  expect_drops(berlin, {{kNoRoute, 1}, {kHostUnreachable, 1}});
}

TEST_F(Local, ErrorsAreLimitedAndDropsAreNot) {  // RFC 1812 §4.3.2.8
  const Bytes astray = frame(udp({"10.1.0.5", "198.51.100.1"}, 1, 2, "x"));
  for (int i = 0; i < 150; ++i) berlin.from_instance(5, astray);
  EXPECT_EQ(berlin.writes_of(5).size(), 50u);
  berlin.from_instance(6, frame(udp({"10.1.0.6", "198.51.100.1"}, 1, 2, "x")));
  EXPECT_EQ(berlin.writes_of(6).size(), 1u) << "its neighbour took its share, too";
  expect_drops(berlin, {{kNoRoute, 151}});
  berlin.advance(std::chrono::seconds(1));
  berlin.from_instance(5, astray);
  EXPECT_EQ(berlin.writes_of(5).size(), 1u);
}

TEST_F(Local, NobodyIsToldAboutAnIcmpErrorThatCannotBeDelivered) {  // RFC 1122 §3.2.2
  const Bytes about = udp({"198.51.100.1", "10.1.0.5"}, 1, 2, "x");
  berlin.from_instance(5, frame(icmp_error({"10.1.0.5", "198.51.100.1"}, 3, 3, about)));
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  expect_drops(berlin, {{kNoFlowForPacket, 1}});
}

TEST_F(Local, AnIcmpErrorPassesWithTheFlowItIsAbout) {
  berlin.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {});
    allow_from(batch, "10.1.0.5/32", 17);  // nothing lets ICMP in
  });
  const Bytes query = udp(kToNeighbour, 4000, 53, "query");
  berlin.from_instance(5, frame(query));
  berlin.from_instance(6, frame(icmp_error({"10.1.0.6", "10.1.0.5"}, 3, 3, query)));
  EXPECT_THAT(berlin.taken_from(5),
              ElementsAre("10.1.0.6 > 10.1.0.5 ttl=63 icmp 3/3 about 10.1.0.5 > 10.1.0.6"));
  expect_drops(berlin, {});
}

TEST_F(Local, TheGatewayAnswersEchoAndArp) {
  berlin.from_instance(5, frame(echo({"10.1.0.5", "10.1.0.1"}, true, 77, "ping")));
  EXPECT_THAT(berlin.taken_from(5),
              ElementsAre("10.1.0.1 > 10.1.0.5 ttl=64 echo reply id=77 \"ping\""));
  berlin.from_instance(5, arp_request("10.1.0.5", "10.1.0.99"));
  berlin.from_instance(
      5, arp_request("10.1.0.5", "10.1.0.5"));  // duplicate address detection: no answer
  EXPECT_EQ(berlin.writes_of(5).size(), 1u);
  EXPECT_EQ(berlin.count(kConsumed), 3u);
  EXPECT_EQ(berlin.count(kAnswered), 2u);
  expect_drops(berlin, {});
}

TEST_F(Local, WhatIsNotIpv4IsDropped) {
  berlin.from_instance(5, frame(Bytes(40), 0x86DD));
  berlin.from_instance(5, Bytes(10));
  berlin.from_instance(5, frame(Bytes(40)));
  expect_drops(berlin, {{kUnsupportedEthertype, 1}, {kMalformedEthernet, 1}, {kMalformedIpv4, 1}});
}

TEST_F(Local, FragmentsAreJudgedWholeAndLeaveNoLarger) {
  const Bytes datagram = udp(kToNeighbour, 4000, 53, std::string(2000, 'x'));
  const auto fragments = fragments_of(datagram, 1000);
  ASSERT_EQ(fragments.size(), 3u);
  for (const size_t i : {2, 0, 1}) berlin.from_instance(5, frame(fragments[i]));
  EXPECT_THAT(berlin.taken_from(6),
              ElementsAre("10.1.0.5 > 10.1.0.6 ttl=63 fragment 0+1000 more",
                          "10.1.0.5 > 10.1.0.6 ttl=63 fragment 1000+1000 more",
                          "10.1.0.5 > 10.1.0.6 ttl=63 fragment 2000+8"));
  EXPECT_EQ(berlin.count(kConsumed), 2u);
  EXPECT_EQ(berlin.count(kFragmented), 2u);
  expect_drops(berlin, {});
}

TEST_F(Local, AnIncompleteDatagramIsGivenUpAfterHalfAMinute) {
  const auto fragments = fragments_of(udp(kToNeighbour, 4000, 53, std::string(2000, 'x')), 1000);
  berlin.from_instance(5, frame(fragments[0]));
  berlin.from_instance(5, frame(fragments[1]));
  berlin.advance(std::chrono::seconds(29));
  expect_drops(berlin, {});
  berlin.advance(std::chrono::seconds(2));
  expect_drops(berlin, {{kFragmentTimeout, 2}});
}

TEST_F(Local, APortThatTakesNothingIsCounted) {
  berlin.write_verdict = io::WriteVerdict::kFull;
  berlin.from_instance(5, frame(udp(kToNeighbour, 4000, 53, "hello")));
  berlin.write_verdict = io::WriteVerdict::kDead;
  berlin.from_instance(5, frame(udp(kToNeighbour, 4000, 53, "hello")));
  expect_drops(berlin, {{kPortFull, 1}, {kPortDown, 1}});
}

}  // namespace
}  // namespace farspan::dataplane::testing
