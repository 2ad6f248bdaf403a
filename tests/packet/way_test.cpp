// SPDX-License-Identifier: Apache-2.0
// What a flow remembers of its way out, and when that must not hold any more. That it comes to what
// asking again comes to is in random_test.cpp.
#include <farspan/v1/tables.pb.h>
#include <gmock/gmock.h>

#include "tests/packet/rig.h"

namespace farspan::dataplane::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

using Way = World;
const Ip kToOsaka{.source = "10.1.0.5", .destination = "10.2.0.5", .has_df = true};

TEST_F(Way, CompletesAChecksumTheDeviceLeftOpen) {
  Bytes packet = udp({.source = "10.1.0.5", .destination = "10.2.0.5"}, 4000, 53, "odd");
  packet[26] ^= 0xff;  // as good as any
  const VirtioHeader virtio{
      .flags = VirtioHeader::kNeedsChecksum, .checksum_start = 34, .checksum_offset = 6};
  for (int i = 0; i < 3; ++i) {
    berlin.from_instance(5, frame(packet), virtio);
    carry(berlin, osaka);
    EXPECT_EQ(osaka.taken_from(5),
              std::vector<std::string>{"10.1.0.5 > 10.2.0.5 ttl=62 udp 4000 > 53 \"odd\""});
  }
}

// The instance may answer and may not begin. Its answers pass, until it begins anew where the
// connection was closed.
TEST_F(Way, EndsWithItsFlow) {
  berlin.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {{"10.2.0.0/24", kLink}});
    allow_from(batch, "0.0.0.0/0");
    auto* rule = batch.mutable_security_groups(0)->add_egress();
    rule->set_port_high(65535);
    rule->set_peer("0.0.0.0/0");
    rule->set_priority(1);
    rule->set_is_drop(true);
  });
  const auto answer = [&](uint8_t flags) {
    berlin.from_instance(5, frame(tcp({.source = "10.1.0.5", .destination = "10.2.0.5"},
                                      {.source_port = 80,
                                       .destination_port = 4000,
                                       .sequence = flags == 0x04 ? 1001u : 1000u,  // an exact RST
                                       .flags = flags},
                                      "")));
    return berlin.sent().size();
  };
  constexpr uint8_t kSyn = 0x02, kRst = 0x04, kAck = 0x10;
  osaka.from_instance(5, frame(tcp({.source = "10.2.0.5", .destination = "10.1.0.5"},
                                   {.source_port = 4000, .flags = kSyn}, "")));
  carry(osaka, berlin);
  EXPECT_EQ(answer(kSyn | kAck), 1u);
  EXPECT_EQ(answer(kAck), 1u);
  EXPECT_EQ(answer(kRst), 1u);
  EXPECT_EQ(answer(kSyn), 0u);
  EXPECT_EQ(answer(kAck), 0u);
  expect_drops(berlin, {{DropReason::kSecurityGroupEgress, 2}});
}

TEST_F(Way, TellsTheFlowWhatTcpSays) {
  constexpr uint8_t kSyn = 0x02, kAck = 0x10;
  const auto answer = [&](uint8_t flags) {
    berlin.from_instance(5, frame(tcp(kToOsaka, {80, 4000, 1000, 1, flags}, "")));
    return berlin.flows().at(0).state;
  };
  osaka.from_instance(5, frame(tcp({"10.2.0.5", "10.1.0.5"}, {4000, 80, 1000, 1, kSyn}, "")));
  carry(osaka, berlin);
  EXPECT_EQ(answer(kSyn | kAck), FlowState::kTcpOpening);
  EXPECT_EQ(answer(kAck), FlowState::kTcpEstablished);
}

// The worker sends what waits between two packets of a batch when it needs room.
TEST_F(Way, SeesThatThePathBecameSmallerAtOnce) {  // RFC 1191 §4
  const Bytes large = frame(udp(kToOsaka, 4000, 53, std::string(1300, 'l')));
  berlin.from_instance(5, large);
  berlin.from_instance(5, large);
  berlin.underlay_mtu = 1000;
  berlin.send_verdict = io::SendVerdict::kTooBig;
  berlin.from_instance(5, std::vector<Bytes>{large, large});
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1)) << "an ICMP error about the second";
  expect_drops(berlin, {{DropReason::kUnderlayBusy, 1}, {DropReason::kFragmentationNeeded, 1}});
}

TEST_F(Way, SeesThatThePathIsAnother) {
  const Bytes large = frame(udp(kToOsaka, 4000, 53, std::string(1300, 'l')));
  berlin.from_instance(5, large);
  berlin.from_instance(5, large);
  EXPECT_THAT(berlin.sent(), SizeIs(2));
  berlin.underlay_mtu = 1000;
  berlin.move_outbound(kLink, {osaka.underlay, 4501});
  berlin.from_instance(5, large);
  EXPECT_THAT(berlin.sent(), SizeIs(0));
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1));
  expect_drops(berlin, {{DropReason::kFragmentationNeeded, 1}});
}

// A known flow takes the new SA with its next packet, and the old one again when the new one goes.
TEST_F(Way, TakesTheSaOfARekey) {
  const auto spi_of_next = [&] {
    berlin.from_instance(5, frame(udp(kToOsaka, 4000, 53, "?")));
    const auto sent = berlin.sent();
    return sent.size() == 1 ? net::load_be32(sent[0].bytes.data()) : 0u;
  };
  const uint32_t first = spi_of_next();
  EXPECT_EQ(spi_of_next(), first);
  connect(berlin, kLink, osaka, kLink);
  const uint32_t second = spi_of_next();
  EXPECT_NE(second, 0u);
  EXPECT_NE(second, first);
  EXPECT_EQ(spi_of_next(), second);
  berlin.remove_outbound(second, kLink);
  EXPECT_EQ(spi_of_next(), first);
}

// The first packet of a burst makes the flow of the second, the third ends it, the fourth begins
// another one, and all of them leave in the order they came.
TEST_F(Way, OfABurstIsDecidedPacketByPacket) {
  constexpr uint8_t kSyn = 0x02, kRst = 0x04, kAck = 0x10;
  std::vector<TestNode::Frame> burst;
  uint32_t sequence = 1000;
  for (const uint8_t flags : {kSyn, kAck, kRst, kSyn}) {
    burst.push_back({frame(tcp({"10.1.0.5", "10.2.0.5"}, {4000, 80, sequence, 0, flags}, "")), {}});
    if (flags == kSyn) ++sequence;
  }
  berlin.burst_from_instance(5, burst);
  EXPECT_EQ(berlin.dropped(), 0u);
  EXPECT_THAT(berlin.flows(), SizeIs(1));
  EXPECT_EQ(berlin.flows()[0].state, FlowState::kTcpOpening);
  EXPECT_EQ(berlin.flows()[0].counters[0].packets, 1u) << "of the second connection";
  EXPECT_EQ(carry(berlin, osaka), 4u);
  EXPECT_THAT(osaka.taken_from(5), SizeIs(4));
}

}  // namespace
}  // namespace farspan::dataplane::testing
