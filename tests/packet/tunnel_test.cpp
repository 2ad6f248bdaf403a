// SPDX-License-Identifier: Apache-2.0
// Packets that leave the node: sealed, opened, refused, segmented, coalesced, relayed.
#include <farspan/v1/tables.pb.h>
#include <gmock/gmock.h>

#include <cstring>

#include "tests/packet/rig.h"

namespace farspan::dataplane::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using enum DropReason;
using enum Counter;

using Tunnel = World;
const Ip kToOsaka{.source = "10.1.0.5", .destination = "10.2.0.5"};

// What GCM over UDP and a label leave of 1500: 20 + 8 + 8 + 8 before, 2 to 5 of trailer, 16 behind,
// 4 of label.
constexpr uint32_t kLinkMtu = 1434, kOfficeMtu = 1438;

TEST_F(Tunnel, APacketCrossesTheLink) {
  berlin.from_instance(5, frame(udp(kToOsaka, 4000, 53, "hello")));
  EXPECT_EQ(carry(berlin, osaka), 1u);
  EXPECT_THAT(osaka.taken_from(5),
              ElementsAre("10.1.0.5 > 10.2.0.5 ttl=62 udp 4000 > 53 \"hello\""));
  EXPECT_EQ(berlin.count(kToLink), 1u);
  EXPECT_EQ(osaka.count(kFromLink), 1u);
  expect_drops(berlin, {});
  expect_drops(osaka, {});
}

TEST_F(Tunnel, ItsCountersAreOfInnerPacketsThatWereOpened) {
  constexpr uint64_t kInner = 20 + 8 + 5;  // IPv4, UDP, "hello"
  for (int i = 0; i < 3; ++i) berlin.from_instance(5, frame(udp(kToOsaka, 4000, 53, "hello")));
  std::vector<Sent> trains = berlin.sent();
  const InterfaceCounters& out = berlin.counters_of_tunnel(kLink);
  EXPECT_EQ(out.packets_out.value(), 3u);
  EXPECT_EQ(out.bytes_out.value(), 3 * kInner) << "neither ESP nor label";
  ASSERT_THAT(trains, SizeIs(3));
  trains[1].bytes.back() ^= 1;  // of its ICV
  osaka.from_wire(trains);
  const InterfaceCounters& in = osaka.counters_of_tunnel(kLink);
  EXPECT_EQ(in.packets_in.value(), 2u) << "what a stranger sends under a known SPI is not counted";
  EXPECT_EQ(in.bytes_in.value(), 2 * kInner);
  EXPECT_EQ(osaka.count(kFromLink), 3u);
  expect_drops(osaka, {{kBadIcv, 1}});
}

// What osaka lets `source` behind it send to berlin, where it is astray; answers how many errors
// berlin sent about that.
size_t errors_about(TestNode& osaka, TestNode& berlin, const std::string& source,
                    uint32_t label = kLabel) {
  const Bytes astray = labelled(udp({source, "198.51.100.1"}, 1, 2, "x"), label);
  berlin.from_wire({osaka.seal(kLink, astray, 137)});
  size_t errors = 0;
  for (const Sent& sent : berlin.sent()) errors += sent.packets();
  return errors;
}

TEST_F(Tunnel, ErrorsAboutOneOfficeBehindALinkAreNotTakenFromTheOthers) {  // RFC 1812 §4.3.2.8
  berlin.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {{"10.2.0.0/24", kLink}, {"172.18.0.0/24", kLink}});
    allow_from(batch, "0.0.0.0/0");
    auto* second = batch.add_vrfs();
    second->set_id(2);
    second->set_router("10.1.0.1");
    second->set_label(kLabel + 1);
    batch.mutable_tunnels(0)->add_labels(kLabel + 1);
    auto* back = batch.add_routes();
    back->mutable_key()->set_vrf(2);
    back->mutable_key()->set_destination("172.18.0.0/24");
    back->mutable_next_hop()->mutable_tunnel()->set_tunnel(kLink);
    back->mutable_next_hop()->mutable_tunnel()->set_label(kLabel + 1);
  });
  size_t errors = 0;
  for (int i = 0; i < 150; ++i) errors += errors_about(osaka, berlin, "172.18.0.5");
  EXPECT_EQ(errors, 50u);
  EXPECT_EQ(errors_about(osaka, berlin, "172.18.0.6"), 1u) << "an office beside it";
  EXPECT_EQ(errors_about(osaka, berlin, "10.2.0.5"), 1u) << "an instance of the other node";
  EXPECT_EQ(errors_about(osaka, berlin, "172.18.0.5", kLabel + 1), 1u) << "another enterprise";
  EXPECT_EQ(errors_about(osaka, berlin, "172.18.0.5"), 0u);
  expect_drops(berlin, {{kNoRoute, 154}});
}

TEST_F(Tunnel, AnOfficeWithManyAddressesBehindALinkLeavesTheNodeSomeErrors) {
  size_t errors = 0;
  for (int i = 0; i < 250; ++i)
    errors += errors_about(osaka, berlin, "172.18.0." + std::to_string(i));
  EXPECT_EQ(errors, 100u);
  berlin.from_instance(5, frame(udp({"10.1.0.5", "198.51.100.1"}, 1, 2, "x")));
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1));
  expect_drops(berlin, {{kNoRoute, 251}});
}

TEST_F(Tunnel, SamePacketTwiceIsReplayed) {  // RFC 4303 §3.4.3
  berlin.from_instance(5, frame(udp(kToOsaka, 4000, 53, "hello")));
  const auto sealed = berlin.sent();
  osaka.from_wire(sealed);
  osaka.from_wire(sealed);
  EXPECT_THAT(osaka.taken_from(5), SizeIs(1));
  expect_drops(osaka, {{kReplayed, 1}});
}

TEST_F(Tunnel, AChangedBitIsABadIcvAndAnUnknownSpiIsSaid) {
  berlin.from_instance(5, frame(udp(kToOsaka, 4000, 53, "hello")));
  auto changed = berlin.sent(), unknown = changed;
  changed[0].bytes[30] ^= 1;
  unknown[0].bytes[1] ^= 1;
  osaka.from_wire(changed);
  osaka.from_wire(unknown);
  EXPECT_THAT(osaka.taken_from(5), IsEmpty());
  expect_drops(osaka, {{kBadIcv, 1}, {kUnknownSpi, 1}});
  EXPECT_EQ(osaka.count(kFromUnderlay), 1u);
}

TEST_F(Tunnel, AnOfficeMayOnlySendWhatItsSelectorsCover) {  // RFC 4301 §5.2
  TestNode rome("rome", "203.0.113.9");
  rome.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "172.20.0", {{"10.0.0.0/8", 1}});
    allow_from(batch, "0.0.0.0/0");
  });
  berlin.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {{"172.20.0.0/24", 9}});
    allow_from(batch, "0.0.0.0/0");
  });
  TestNode::SaOptions narrow;  // in berlin's view; rome believes it may send from anywhere
  narrow.theirs = {{address_of("172.20.0.6"), address_of("172.20.0.6")}};
  const ipsec::SecretBytes none;
  ipsec::SecretBytes key;
  key.length = 36;
  berlin.add_sa(true, 0xcafe, 9, rome.underlay, key, none, narrow);
  rome.add_sa(false, 0xcafe, 1, berlin.underlay, key, none, {});
  rome.from_instance(5, frame(udp({"172.20.0.5", "10.1.0.5"}, 1, 2, "from outside")));
  rome.from_instance(6, frame(udp({"172.20.0.6", "10.1.0.5"}, 1, 2, "from inside")));
  carry(rome, berlin);
  EXPECT_THAT(berlin.taken_from(5),
              ElementsAre("172.20.0.6 > 10.1.0.5 ttl=62 udp 1 > 2 \"from inside\""));
  expect_drops(berlin, {{kInnerPolicy, 1}});
}

TEST_F(Tunnel, ALabelWithoutVrfIsDropped) {
  osaka.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.2.0", {{"10.1.0.0/24", kLink}});
    allow_from(batch, "0.0.0.0/0");
    batch.mutable_vrfs(0)->set_label(99);
  });
  berlin.from_instance(5, frame(udp(kToOsaka, 4000, 53, "hello")));
  carry(berlin, osaka);
  expect_drops(osaka, {{kUnknownLabel, 1}});
}

TEST_F(Tunnel, LabelsBelongToLinksAndPlainPacketsToOffices) {
  osaka.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.2.0", {});
    allow_from(batch, "0.0.0.0/0");
    auto* tunnel = batch.add_tunnels();  // the same SA, but now it is an office's
    tunnel->set_id(kLink);
    tunnel->set_vrf(1);
  });
  berlin.from_instance(5, frame(udp(kToOsaka, 4000, 53, "hello")));
  carry(berlin, osaka);
  expect_drops(osaka, {{kBadNextHeader, 1}});
}

TEST_F(Tunnel, WithoutAnSaPacketsAreDroppedAndATrapAsksForOne) {
  TestNode oslo("oslo", "192.0.2.9");
  oslo.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.9.0", {{"10.1.0.0/24", 3}, {"10.2.0.0/24", 4}});
    allow_from(batch, "0.0.0.0/0");
  });
  oslo.add_trap(3);
  oslo.from_instance(5, frame(udp({"10.9.0.5", "10.1.0.5"}, 4000, 53, "a")));
  oslo.from_instance(5, frame(udp({"10.9.0.5", "10.1.0.5"}, 4000, 53, "b")));
  oslo.from_instance(5, frame(udp({"10.9.0.5", "10.2.0.5"}, 4000, 53, "no trap")));
  const auto events = oslo.events();
  ASSERT_THAT(events, SizeIs(1)) << "a flood of packets is one wish";
  EXPECT_EQ(events[0].kind, ipsec::SaEvent::Kind::kAcquire);
  EXPECT_EQ(events[0].tunnel, 3u);
  EXPECT_EQ(events[0].reqid, 7u);
  expect_drops(oslo, {{kNoSa, 3}});
}

TEST_F(Tunnel, AnOfficeBehindAnotherNatMappingIsReportedOnce) {
  const Ip to_berlin{.source = "172.16.0.5", .destination = "10.1.0.5"};
  paris.from_instance(5, frame(udp(to_berlin, 4000, 53, "1")));
  paris.from_instance(5, frame(udp(to_berlin, 4000, 53, "2")));
  auto trains = paris.sent();
  for (Sent& train : trains) train.source.port = 61000;
  berlin.from_wire(trains);
  const auto events = berlin.events();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].kind, ipsec::SaEvent::Kind::kMappingChanged);
  EXPECT_EQ(events[0].remote.port, 61000);
  EXPECT_THAT(berlin.taken_from(5), SizeIs(2));
}

// Both ends of a link are declared with their addresses.
TEST_F(Tunnel, ALinkFollowsNoMapping) {
  berlin.from_instance(5, frame(udp(kToOsaka, 4000, 53, "1")));
  auto trains = berlin.sent();
  for (Sent& train : trains) train.source.port = 61000;
  osaka.from_wire(trains);
  EXPECT_THAT(osaka.events(), SizeIs(0));
  EXPECT_THAT(osaka.taken_from(5), SizeIs(1));
}

TEST_F(Tunnel, ASuperPacketIsOneTrainAndArrivesAsOneWrite) {
  const Tso big = tso(kToOsaka, 1390, 40 * 1390 + 100);
  berlin.from_instance(5, big.frame, big.virtio);
  const auto trains = berlin.sent();
  ASSERT_THAT(trains, SizeIs(1));
  EXPECT_EQ(trains[0].packets(), 41u);
  osaka.from_wire(trains);
  const auto writes = osaka.writes_of(5);
  ASSERT_THAT(writes, SizeIs(1));
  EXPECT_EQ(writes[0].virtio.gso_type, VirtioHeader::kTcpV4);
  EXPECT_EQ(writes[0].virtio.gso_size, 1390);
  EXPECT_EQ(text_of(writes[0].packet, true),
            "10.1.0.5 > 10.2.0.5 ttl=62 tcp 4000 > 80 PA seq=1000 55700 bytes");
  EXPECT_EQ(berlin.count(kFromPort), 41u);
  EXPECT_EQ(berlin.count(kToLink), 41u);
  EXPECT_EQ(osaka.count(kToPort), 41u);
}

TEST_F(Tunnel, EverySuiteAndNativeEspCarryASuperPacket) {
  using crypto::Cipher, crypto::Integrity;
  const crypto::Suite suites[] = {{Cipher::kAesGcm128, Integrity::kAead},
                                  {Cipher::kAesCbc256, Integrity::kHmacSha256_128},
                                  {Cipher::kAesCbc128, Integrity::kHmacSha512_256}};
  uint32_t number = 50;
  for (const crypto::Suite suite : suites) {
    for (const bool is_udp : {true, false}) {
      SCOPED_TRACE(static_cast<int>(suite.integrity) * 10 + is_udp);
      const uint32_t tunnel = ++number;
      TestNode here("here", "192.0.2.51"), there("there", "192.0.2.52");
      for (auto [node, own, other] :
           {std::tuple{&here, "10.1.0", "10.2.0.0/24"}, {&there, "10.2.0", "10.1.0.0/24"}}) {
        node->program([=, own = own, other = other](v1::TablesBatch& batch) {
          plain_tables(batch, own, {{other, tunnel}});
          allow_from(batch, "0.0.0.0/0");
        });
      }
      connect(here, tunnel, there, tunnel, {.suite = suite, .is_udp = is_udp});
      const Tso big = tso(kToOsaka, 1200, 10 * 1200);
      here.from_instance(5, big.frame, big.virtio);
      EXPECT_EQ(carry(here, there), 10u);
      EXPECT_THAT(there.taken_from(5),
                  ElementsAre("10.1.0.5 > 10.2.0.5 ttl=62 tcp 4000 > 80 PA seq=1000 12000 bytes"));
    }
  }
}

// The router of a VPC answers whoever may reach it, wherever the question came out.
TEST_F(Tunnel, TheRouterAnswersAPingOfAnOfficeAndOfAnotherNode) {
  for (const crypto::Suite suite :
       {crypto::Suite{}, {crypto::Cipher::kAesCbc128, crypto::Integrity::kHmacSha256_128}}) {
    connect(berlin, kOffice, paris, kOffice, {.suite = suite});
    connect(berlin, kLink, osaka, kLink, {.suite = suite});
    for (int i = 0; i < 3; ++i) {
      paris.from_instance(5, frame(echo({"172.16.0.5", "10.1.0.1"}, true, 77, "office")));
      osaka.from_instance(5, frame(echo({"10.2.0.5", "10.1.0.1"}, true, 78, "instance")));
      carry(paris, berlin);
      carry(berlin, paris);
      EXPECT_THAT(paris.taken_from(5),
                  ElementsAre("10.1.0.1 > 172.16.0.5 ttl=63 echo reply id=77 \"office\""));
      carry(osaka, berlin);
      carry(berlin, osaka);
      EXPECT_THAT(osaka.taken_from(5),
                  ElementsAre("10.1.0.1 > 10.2.0.5 ttl=63 echo reply id=78 \"instance\""));
    }
  }
  EXPECT_EQ(berlin.count(kAnswered), 12u);
  expect_drops(berlin, {});
}

TEST_F(Tunnel, SmallPacketsOfOneFlowShareATrainAndAWrite) {
  // Two IP packets at once can only come from another tunnel; a port gives them one by one.
  Ip ip{.source = "172.16.0.5", .destination = "10.2.0.5"};
  paris.from_instance(5, frame(tcp(ip, {.sequence = 1}, std::string(100, 'a'))));
  ip.id = 2;
  paris.from_instance(5, frame(tcp(ip, {.sequence = 101}, std::string(100, 'b'))));
  EXPECT_EQ(carry(paris, berlin), 2u);
  const auto trains = berlin.sent();
  ASSERT_THAT(trains, SizeIs(1)) << "transit: coalesced, segmented again, one train";
  osaka.from_wire(trains);
  EXPECT_THAT(osaka.taken_from(5),
              ElementsAre("172.16.0.5 > 10.2.0.5 ttl=61 tcp 4000 > 80 A seq=1 200 bytes"));
}

// One old kernel on one port costs the others nothing.
TEST_F(Tunnel, DatagramsAreWrittenOneByOneToADeviceWithoutUso) {
  osaka.set_uso(5, false);
  const auto send_three_to = [&](const char* instance) {
    std::vector<Bytes> three;
    for (int i = 0; i < 3; ++i) {
      Ip ip{.source = "10.1.0.5", .destination = instance, .has_df = true};
      three.push_back(
          labelled(udp(ip, 4000, 53, std::string(500, static_cast<char>('a' + i))), kLabel));
    }
    osaka.from_wire({berlin.seal_train(kLink, three, 137)});
  };
  send_three_to("10.2.0.5");
  const auto writes = osaka.writes_of(5);
  ASSERT_THAT(writes, SizeIs(3));
  for (const Written& write : writes) {
    EXPECT_EQ(write.virtio.gso_type, VirtioHeader::kNone);
    EXPECT_EQ(text_of(write.packet, write.is_partial()),
              "10.1.0.5 > 10.2.0.5 ttl=63 udp 4000 > 53 500 bytes");
  }
  send_three_to("10.2.0.6");
  ASSERT_THAT(osaka.writes_of(6), SizeIs(1));
  osaka.set_uso(5, true);
  send_three_to("10.2.0.5");
  EXPECT_THAT(osaka.writes_of(5), SizeIs(1));
  EXPECT_EQ(osaka.count(kToPort), 9u);
  expect_drops(osaka, {});
}

TEST_F(Tunnel, OfficeToOfficeAcrossTheWorldAndBack) {
  const Tso big = tso({.source = "172.16.0.5", .destination = "172.18.0.5"}, 1380, 30 * 1380);
  paris.from_instance(5, big.frame, big.virtio);
  EXPECT_EQ(carry(paris, berlin), 30u);
  EXPECT_EQ(carry(berlin, osaka), 30u);
  EXPECT_EQ(carry(osaka, kyoto), 30u);
  EXPECT_THAT(kyoto.taken_from(5),
              ElementsAre("172.16.0.5 > 172.18.0.5 ttl=60 tcp 4000 > 80 PA seq=1000 41400 bytes"));
  EXPECT_EQ(berlin.count(kFromOffice), 30u);
  EXPECT_EQ(berlin.count(kToLink), 30u);
  EXPECT_EQ(osaka.count(kFromLink), 30u);
  EXPECT_EQ(osaka.count(kToOffice), 30u);

  kyoto.from_instance(5, frame(tcp({"172.18.0.5", "172.16.0.5"}, {80, 4000, 1, 42400}, "")));
  carry(kyoto, osaka);
  carry(osaka, berlin);
  carry(berlin, paris);
  EXPECT_THAT(paris.taken_from(5),
              ElementsAre("172.18.0.5 > 172.16.0.5 ttl=60 tcp 80 > 4000 A seq=1 \"\""));
}

TEST_F(Tunnel, TheSmallerMtuOfTheNextTunnelIsReportedToTheOffice) {
  paris.from_instance(
      5, frame(udp({.source = "172.16.0.5", .destination = "172.18.0.5", .has_df = true}, 1, 2,
                   std::string(kOfficeMtu - 28, 'x'))));
  carry(paris, berlin);
  EXPECT_EQ(carry(berlin, paris), 1u) << "the link has a label more, so the packet does not fit";
  EXPECT_THAT(paris.taken_from(5),
              ElementsAre("10.1.0.1 > 172.16.0.5 ttl=63 tos=0xc0 icmp 3/4 mtu=1434 about "
                          "172.16.0.5 > 172.18.0.5"));
  expect_drops(berlin, {{kFragmentationNeeded, 1}});
}

TEST_F(Tunnel, WhatDoesNotFitIsReportedWithDfAndFragmentedWithout) {  // RFC 1191 §4
  Ip ip = kToOsaka;
  ip.has_df = true;
  berlin.from_instance(5, frame(udp(ip, 1, 2, std::string(kLinkMtu - 28, 'x'))));
  EXPECT_EQ(carry(berlin, osaka), 1u) << "exactly the MTU";
  EXPECT_THAT(osaka.taken_from(5), SizeIs(1));
  berlin.from_instance(5, frame(udp(ip, 1, 2, std::string(kLinkMtu - 27, 'x'))));
  EXPECT_THAT(berlin.sent(), IsEmpty());
  EXPECT_THAT(
      berlin.taken_from(5),
      ElementsAre(
          "10.1.0.1 > 10.1.0.5 ttl=64 tos=0xc0 icmp 3/4 mtu=1434 about 10.1.0.5 > 10.2.0.5"));
  expect_drops(berlin, {{kFragmentationNeeded, 1}});

  ip.has_df = false;
  berlin.from_instance(5, frame(udp(ip, 1, 2, std::string(kLinkMtu - 27, 'x'))));
  EXPECT_EQ(carry(berlin, osaka), 2u);
  EXPECT_EQ(berlin.count(kFragmented), 1u);
  EXPECT_EQ(osaka.count(kConsumed), 1u);
  EXPECT_EQ(osaka.count(kFragmented), 1u) << "it leaves no larger than it came";
  EXPECT_THAT(osaka.writes_of(5), SizeIs(2));
}

TEST_F(Tunnel, ATrainIsJudgedByItsSegments) {
  Ip ip = kToOsaka;
  ip.has_df = true;
  const Tso big = tso(ip, 1460, 10 * 1460);
  berlin.from_instance(5, big.frame, big.virtio);
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1));
  expect_drops(berlin, {{kFragmentationNeeded, 10}});
}

TEST_F(Tunnel, ATrainWithoutDfGoesInFragmentsOfItsSegments) {
  const Tso big = tso(kToOsaka, 1460, 3 * 1460);
  berlin.from_instance(5, big.frame, big.virtio);
  EXPECT_EQ(carry(berlin, osaka), 6u);
  EXPECT_EQ(berlin.count(kFragmented), 3u);
  EXPECT_THAT(osaka.writes_of(5), SizeIs(6));
}

TEST_F(Tunnel, TheMtuFollowsThePath) {
  berlin.underlay_mtu = 1400;
  const Tso big = tso(kToOsaka, 1390, 2 * 1390);
  berlin.from_instance(5, big.frame, big.virtio);
  EXPECT_EQ(carry(berlin, osaka), 4u);
  EXPECT_THAT(osaka.writes_of(5), SizeIs(4));
}

TEST_F(Tunnel, SynsAnnounceWhatTheTunnelsCarry) {
  berlin.from_instance(5, frame(tcp(kToOsaka, {.flags = 0x02, .mss = 1460}, "")));
  carry(berlin, osaka);
  EXPECT_THAT(osaka.taken_from(5),
              ElementsAre("10.1.0.5 > 10.2.0.5 ttl=62 tcp 4000 > 80 S seq=1000 mss=1394 \"\""));
  osaka.underlay_mtu = 1300;  // what comes back must fit the way back, which only osaka knows
  osaka.change_routes();
  berlin.from_instance(5,
                       frame(tcp(kToOsaka, {.source_port = 4001, .flags = 0x02, .mss = 1460}, "")));
  carry(berlin, osaka);
  EXPECT_THAT(osaka.taken_from(5),
              ElementsAre("10.1.0.5 > 10.2.0.5 ttl=62 tcp 4001 > 80 S seq=1000 mss=1194 \"\""));
}

TEST_F(Tunnel, CongestionMarksSurvive) {  // RFC 6040 §4.1, §4.2
  Ip ip = kToOsaka;
  ip.tos = 0xBA;  // EF, ECT(0)
  berlin.from_instance(5, frame(udp(ip, 1, 2, "x")));
  auto trains = berlin.sent();
  ASSERT_THAT(trains, SizeIs(1));
  EXPECT_EQ(trains[0].tos, 0xBA);
  trains[0].tos = 0x03;  // a congested router marked it, and cleared the DSCP
  osaka.from_wire(trains);
  EXPECT_THAT(osaka.taken_from(5),
              ElementsAre("10.1.0.5 > 10.2.0.5 ttl=62 tos=0xbb udp 1 > 2 \"x\""));
  berlin.from_instance(5, frame(udp(kToOsaka, 1, 2, "not capable")));
  trains = berlin.sent();
  trains[0].tos = 0x03;
  osaka.from_wire(trains);
  expect_drops(osaka, {{kEcnInvalid, 1}});
}

TEST_F(Tunnel, AnIkeDatagramGluedToAnEspTrainReachesCharon) {
  const Tso big = tso(kToOsaka, 1390, 3 * 1390);
  berlin.from_instance(5, big.frame, big.virtio);
  auto trains = berlin.sent();
  ASSERT_THAT(trains, SizeIs(1));
  Bytes ike(80, 0x11);
  std::memset(ike.data(), 0, 4);  // non-ESP marker
  trains[0].bytes.insert(trains[0].bytes.end(), ike.begin(), ike.end());
  osaka.from_wire(trains);
  EXPECT_THAT(osaka.ike(), ElementsAre(ike));
  EXPECT_THAT(osaka.writes_of(5), SizeIs(1));
  EXPECT_EQ(osaka.count(kToIke), 1u);
}

TEST_F(Tunnel, ANativePacketWithNothingInItIsMalformed) {
  osaka.from_wire({Sent{.source = {}, .destination = {}, .bytes = {}}});
  EXPECT_EQ(osaka.count(kFromUnderlay), 1u);
  expect_drops(osaka, {{kMalformedEsp, 1}});
}

TEST_F(Tunnel, IkeKeepalivesAndRubbishAreToldApart) {
  const Sent base{.source = {berlin.underlay, 4500},
                  .destination = {osaka.underlay, 4500},
                  .tos = 0,
                  .segment_size = 0,
                  .bytes = {}};
  const auto datagram = [&](Bytes bytes, uint16_t port = 4500) {
    Sent sent = base;
    sent.destination.port = port;
    sent.segment_size = static_cast<uint32_t>(bytes.size());
    sent.bytes = std::move(bytes);
    return sent;
  };
  osaka.from_wire({datagram({0xFF}), datagram(Bytes(28, 7), 500), datagram({0, 0}),
                   datagram(Bytes(12, 0)), datagram({1, 2, 3, 4, 5})});
  EXPECT_THAT(osaka.ike(), ElementsAre(Bytes(28, 7)));
  expect_drops(osaka, {{kKeepalive, 1}, {kMalformedIke, 2}, {kMalformedEsp, 1}});
  osaka.ike_refusal = kIkeUnavailable;
  osaka.from_wire({datagram(Bytes(28, 7), 500)});
  EXPECT_EQ(osaka.dropped(kIkeUnavailable), 1u);
  EXPECT_EQ(osaka.count(kFromUnderlay), 6u);
}

TEST_F(Tunnel, CharonSendsFromThePortItChose) {
  Bytes payload(60, 9);
  osaka.from_charon({{osaka.underlay, 500}, {berlin.underlay, 500}, 0x30, payload});
  const auto sent = osaka.sent();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].source.port, 500);
  EXPECT_EQ(sent[0].tos, 0xC0);
  EXPECT_EQ(sent[0].bytes, payload);
  osaka.send_verdict = io::SendVerdict::kUnreachable;
  osaka.from_charon({{osaka.underlay, 500}, {berlin.underlay, 500}, 0, payload});
  expect_drops(osaka, {{kUnderlayUnreachable, 1}});
}

TEST_F(Tunnel, WhatTheSocketRefusesIsCountedInPackets) {
  berlin.send_verdict = io::SendVerdict::kBusy;
  const Tso big = tso(kToOsaka, 1390, 20 * 1390);
  berlin.from_instance(5, big.frame, big.virtio);
  expect_drops(berlin, {{kUnderlayBusy, 20}});
}

TEST_F(Tunnel, NothingGoesBackIntoItsOwnTunnel) {
  berlin.from_instance(5, frame(udp({"10.1.0.5", "10.2.0.5"}, 1, 2, "x")));
  osaka.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.9.0", {{"10.0.0.0/8", kLink}});
    allow_from(batch, "0.0.0.0/0");
  });
  carry(berlin, osaka);
  EXPECT_THAT(osaka.sent(), IsEmpty());
  expect_drops(osaka, {{kLooping, 1}});
}

TEST_F(Tunnel, AnOfficeCannotAnswerInTheNameOfAnother) {
  berlin.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {{"172.16.0.0/24", kOffice}, {"10.2.0.0/24", kLink}});
    allow_from(batch, "192.0.2.0/24");  // nobody who matters: only replies pass
  });
  berlin.from_instance(5, frame(udp({"10.1.0.5", "10.2.0.5"}, 4000, 53, "query over the link")));
  EXPECT_EQ(berlin.sent().size(), 1u);
  paris.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.2.0", {{"10.1.0.0/24", kOffice}});  // paris pretends to be osaka's VPC
    allow_from(batch, "0.0.0.0/0");
  });
  paris.from_instance(5, frame(udp({"10.2.0.5", "10.1.0.5"}, 53, 4000, "forged answer")));
  carry(paris, berlin);
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  expect_drops(berlin, {{kSpoofedSource, 1}});
  osaka.from_instance(5, frame(udp({"10.2.0.5", "10.1.0.5"}, 53, 4000, "answer")));
  carry(osaka, berlin);
  EXPECT_THAT(berlin.taken_from(5),
              ElementsAre("10.2.0.5 > 10.1.0.5 ttl=62 udp 53 > 4000 \"answer\""));
}

// Berlin reaches osaka's VPC over the link at first, and by an office's tunnel after a change of
// routes. Only replies pass the security groups.
void reach_osaka_by(TestNode& berlin, uint32_t tunnel) {
  berlin.program([=](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {{"172.16.0.0/24", kOffice}, {"10.2.0.0/24", tunnel}});
    allow_from(batch, "192.0.2.0/24");
  });
}

TEST_F(Tunnel, RepliesPassAgainAfterTheRouteMoved) {
  paris.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.2.0", {{"10.1.0.0/24", kOffice}});  // a second way to osaka's VPC
    allow_from(batch, "0.0.0.0/0");
  });
  const Bytes query = frame(udp(kToOsaka, 4000, 53, "query"));
  const Bytes answer = frame(udp({"10.2.0.5", "10.1.0.5"}, 53, 4000, "answer"));
  reach_osaka_by(berlin, kLink);
  berlin.from_instance(5, query);
  berlin.sent();
  paris.from_instance(5, answer);  // the peer moved first
  carry(paris, berlin);
  expect_drops(berlin, {{kSpoofedSource, 1}});

  reach_osaka_by(berlin, kOffice);
  paris.from_instance(5, answer);  // before the instance said anything more
  carry(paris, berlin);
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1));
  reach_osaka_by(berlin, kLink);
  paris.from_instance(5, answer);
  carry(paris, berlin);
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  expect_drops(berlin, {{kSpoofedSource, 2}});
}

TEST_F(Tunnel, AForgedPacketOfAFlowChangesNothingForTheFlow) {
  const Bytes query = udp(kToOsaka, 4000, 53, "query");
  reach_osaka_by(berlin, kLink);
  berlin.from_instance(5, frame(query));
  berlin.sent();
  berlin.from_wire(
      {osaka.seal(kLink, labelled(query, kLabel), 137)});  // comes from where it should go
  osaka.from_instance(5, frame(udp({"10.2.0.5", "10.1.0.5"}, 53, 4000, "answer")));
  carry(osaka, berlin);
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1));
  expect_drops(berlin, {{kSpoofedSource, 1}});
}

TEST_F(Tunnel, AnotherTunnelInThePlaceOfARemovedOneIsNotTakenForIt) {
  reach_osaka_by(berlin, kOffice);
  berlin.from_instance(5, frame(udp(kToOsaka, 4000, 53, "query")));
  berlin.sent();
  TestNode rome("rome", "203.0.113.9");
  rome.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.2.0", {{"10.1.0.0/24", 1}});
    allow_from(batch, "0.0.0.0/0");
  });
  const uint32_t kRome = 9;
  berlin.program(
      [=](v1::TablesBatch& batch) {  // the office is gone; rome has its place, not its routes
        plain_tables(batch, "10.1.0", {{"172.21.0.0/24", kRome}});
        allow_from(batch, "192.0.2.0/24");
      });
  connect(berlin, kRome, rome, 1);
  rome.from_instance(5, frame(udp({"10.2.0.5", "10.1.0.5"}, 53, 4000, "forged answer")));
  carry(rome, berlin);
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  expect_drops(berlin, {{kNoWayBack, 1}});
}

TEST_F(Tunnel, AnIcmpErrorGoesToTheSenderOfWhatItQuotesAndToNobodyElse) {
  berlin.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {{"172.16.0.0/24", kOffice}});
    allow_from(batch, "192.0.2.0/24");
  });
  const Bytes query = udp({"10.1.0.5", "172.16.0.5"}, 4000, 53, "query");
  berlin.from_instance(5, frame(query));
  berlin.sent();
  berlin.from_wire({paris.seal(kOffice, icmp_error({"172.16.0.5", "10.1.0.6"}, 3, 3, query)),
                    paris.seal(kOffice, icmp_error({"172.16.0.5", "10.1.0.5"}, 3, 3, query))});
  EXPECT_THAT(berlin.taken_from(6), IsEmpty()) << "no security group lets this in";
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1));
  expect_drops(berlin, {{kNoFlowForPacket, 1}});
}

TEST_F(Tunnel, AnIcmpErrorMustComeFromWhereThePacketWent) {
  const Bytes query = udp(kToOsaka, 4000, 53, "query");
  berlin.from_instance(5, frame(query));
  EXPECT_EQ(carry(berlin, osaka), 1u);
  berlin.from_instance(
      6, frame(icmp_error({"10.1.0.6", "10.1.0.5"}, 3, 3, query)));  // a neighbour meddles
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  expect_drops(berlin, {{kNoFlowForPacket, 1}});
  osaka.from_instance(5, frame(icmp_error({"10.2.0.5", "10.1.0.5"}, 3, 3, query)));
  EXPECT_EQ(carry(osaka, berlin), 1u);
  EXPECT_THAT(berlin.taken_from(5),
              ElementsAre("10.2.0.5 > 10.1.0.5 ttl=62 icmp 3/3 about 10.1.0.5 > 10.2.0.5"));
}

// Routers have addresses that no selector of the tunnel covers.
TEST_F(Tunnel, AnIcmpErrorTravelsWithAnswersToThePacketItIsAbout) {  // RFC 4301 §6.2
  TestNode::SaOptions narrow;
  narrow.ours = {{address_of("10.1.0.5"), address_of("10.1.0.5")}};
  narrow.theirs = {{address_of("172.16.0.5"), address_of("172.16.0.5")}};
  connect(berlin, kOffice, paris, kOffice, narrow);

  // Out: berlin's router, 10.1.0.1, tells about a packet of the office.
  berlin.from_wire({paris.seal(
      kOffice, udp({.source = "172.16.0.5", .destination = "10.1.0.5", .ttl = 1}, 1, 33434, "x"))});
  EXPECT_EQ(carry(berlin, paris), 1u);
  EXPECT_EQ(berlin.dropped(kOutsideSelectors), 0u);

  // In: a router in the office tells about a packet of berlin.
  const Bytes query = udp({"10.1.0.5", "172.16.0.5"}, 4000, 53, "query"),
              other = udp({"10.1.0.5", "172.16.0.6"}, 4000, 53, "query");
  berlin.from_instance(5, frame(query));
  berlin.sent();
  const Ip from_router{"172.16.0.254", "10.1.0.5"};
  berlin.from_wire({paris.seal(kOffice, icmp_error(from_router, 3, 1, query)),
                    paris.seal(kOffice, icmp_error(from_router, 3, 1, other)),
                    paris.seal(kOffice, echo(from_router, true, 7, "no error"))});
  EXPECT_THAT(berlin.taken_from(5),
              ElementsAre("172.16.0.254 > 10.1.0.5 ttl=63 icmp 3/1 about 10.1.0.5 > 172.16.0.5"));
  expect_drops(berlin, {{kTtlExceeded, 1}, {kInnerPolicy, 2}});
}

// Who checks what comes out of a tunnel, as RFC 4301 §5.2 has it, drops what is from elsewhere.
TEST_F(Tunnel, AnIcmpErrorLeavesFromAnAddressThatTheOtherEndLetsIn) {
  const uint32_t kRome = 9;
  TestNode rome("rome", "203.0.113.9");
  rome.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "172.20.0", {{"10.0.0.0/8", 1}});
    allow_from(batch, "0.0.0.0/0");
  });
  berlin.program([=](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {{"172.20.0.0/24", kRome}});
    allow_from(batch, "0.0.0.0/0");
  });
  TestNode::SaOptions narrow;
  narrow.ours = {{address_of("10.1.0.5"), address_of("10.1.0.5")}};
  narrow.theirs = {{address_of("172.20.0.5"), address_of("172.20.0.5")}};
  connect(berlin, kRome, rome, 1, narrow);
  rome.from_instance(
      5, frame(udp({.source = "172.20.0.5", .destination = "10.1.0.5", .ttl = 2}, 1, 2, "x")));
  EXPECT_EQ(carry(rome, berlin), 1u);
  EXPECT_EQ(carry(berlin, rome), 1u);
  EXPECT_THAT(rome.taken_from(5),
              ElementsAre("10.1.0.5 > 172.20.0.5 ttl=63 tos=0xc0 icmp 11/0 about 172.20.0.5 > "
                          "10.1.0.5"));
  expect_drops(berlin, {{kTtlExceeded, 1}});
}

// Offices alone, without an instance among them.
TEST_F(Tunnel, AVpcWithoutVSwitchReportsFromTheDummyAddress) {  // RFC 7600 §4.8
  berlin.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {{"172.16.0.0/24", kOffice}});
    allow_from(batch, "0.0.0.0/0");
    batch.mutable_vrfs(0)->set_router("0.0.0.0");
  });
  paris.from_instance(5, frame(udp({"172.16.0.5", "10.9.9.9"}, 1, 2, "astray")));
  paris.from_instance(
      5, frame(udp({.source = "172.16.0.5", .destination = "10.1.0.5", .ttl = 2}, 1, 2, "late")));
  EXPECT_EQ(carry(paris, berlin), 2u);
  EXPECT_EQ(carry(berlin, paris), 2u);
  EXPECT_THAT(
      paris.taken_from(5),
      ElementsAre("192.0.0.8 > 172.16.0.5 ttl=63 tos=0xc0 icmp 3/0 about 172.16.0.5 > 10.9.9.9",
                  "192.0.0.8 > 172.16.0.5 ttl=63 tos=0xc0 icmp 11/0 about 172.16.0.5 > 10.1.0.5"));
  expect_drops(berlin, {{kNoRoute, 1}, {kTtlExceeded, 1}});
}

TEST_F(Tunnel, AFragmentedDatagramIsReassembledBeforePolicyAndOnTheOtherNodeAgain) {
  for (const Bytes& fragment :
       fragments_of(udp(kToOsaka, 4000, 53, std::string(3000, 'x')), 1200)) {
    berlin.from_instance(5, frame(fragment));
  }
  EXPECT_EQ(carry(berlin, osaka), 3u);
  EXPECT_THAT(osaka.taken_from(5), ElementsAre("10.1.0.5 > 10.2.0.5 ttl=62 fragment 0+1200 more",
                                               "10.1.0.5 > 10.2.0.5 ttl=62 fragment 1200+1200 more",
                                               "10.1.0.5 > 10.2.0.5 ttl=62 fragment 2400+608"));
}

// ---- memory for packets

// Whatever waits for memory is dropped under that name, nothing else changes, and it all comes
// back.
TEST_F(Tunnel, WithoutBuffersPacketsEndCounted) {
  const Bytes plain = frame(udp({"10.1.0.5", "10.2.0.5"}, 4000, 53, "?"));
  const Bytes in_parts = udp({.source = "10.1.0.5", .destination = "10.2.0.5", .has_df = false}, 1,
                             2, std::string(2000, 'f'));
  osaka.from_instance(5, frame(udp({"10.2.0.5", "10.1.0.5"}, 53, 4000, "!")));
  const auto sent = osaka.sent();
  {
    auto all = berlin.take_all_buffers();
    berlin.from_instance(5, plain);
    berlin.from_wire(sent);
    expect_drops(berlin, {{DropReason::kNoBuffer, 2}});
    all.erase(all.begin(), all.begin() + 8);  // small ones come first
    berlin.from_instance(5, frame(fragments_of(in_parts, 1000).at(0)));
    expect_drops(berlin, {{DropReason::kNoBuffer, 3}});
  }
  berlin.from_instance(5, plain);
  EXPECT_EQ(carry(berlin, osaka), 1u);
  expect_drops(berlin, {{DropReason::kNoBuffer, 3}});
}

// A train's packets share its buffer; it is home when the last of them ended, whatever became of
// the others.
TEST_F(Tunnel, BuffersOfATrainComeHome) {
  const auto [bytes, virtio] = tso({.source = "10.1.0.5", .destination = "10.2.0.5"}, 1000, 30'000);
  const uint32_t small = osaka.buffers().free_small(), large = osaka.buffers().free_large();
  for (int i = 0; i < 100; ++i) {
    berlin.from_instance(5, bytes, virtio);
    carry(berlin, osaka);
  }
  EXPECT_EQ(osaka.writes_of(5).size(), 100u);
  EXPECT_EQ(osaka.buffers().free_small(), small);
  EXPECT_EQ(osaka.buffers().free_large(), large);
}

}  // namespace
}  // namespace farspan::dataplane::testing
