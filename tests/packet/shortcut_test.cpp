// SPDX-License-Identifier: Apache-2.0
// Shortcuts: that the second packet of a flow takes one, and when it must not any more. That they
// come to what the whole way comes to is in random_test.cpp.
#include <farspan/v1/tables.pb.h>
#include <gmock/gmock.h>

#include "tests/packet/rig.h"

namespace farspan::dataplane::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

using Shortcut = World;
const Ip kToOsaka{.source = "10.1.0.5", .destination = "10.2.0.5", .has_df = true};

TEST_F(Shortcut, CompletesAChecksumTheDeviceLeftOpen) {
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
  EXPECT_EQ(berlin.shortcuts_taken(), 2u);
}

// The instance may answer and may not begin. Its answers take a shortcut, until it begins anew
// where the connection was closed.
TEST_F(Shortcut, EndsWithItsFlow) {
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
  EXPECT_EQ(berlin.shortcuts_taken(), 1u);
  EXPECT_EQ(answer(kRst), 1u);
  EXPECT_EQ(answer(kSyn), 0u);
  EXPECT_EQ(answer(kAck), 0u);
  expect_drops(berlin, {{DropReason::kSecurityGroupEgress, 2}});
}

TEST_F(Shortcut, TellsTheFlowWhatTcpSays) {
  constexpr uint8_t kSyn = 0x02, kAck = 0x10;
  const auto answer = [&](uint8_t flags) {
    berlin.from_instance(5, frame(tcp(kToOsaka, {80, 4000, 1000, 1, flags}, "")));
    return berlin.flows().at(0).state;
  };
  osaka.from_instance(5, frame(tcp({"10.2.0.5", "10.1.0.5"}, {4000, 80, 1000, 1, kSyn}, "")));
  carry(osaka, berlin);
  EXPECT_EQ(answer(kSyn | kAck), FlowState::kTcpOpening);
  EXPECT_EQ(answer(kAck), FlowState::kTcpEstablished);
  EXPECT_EQ(berlin.shortcuts_taken(), 1u);
}

// What the worker does when the room for frames is used up: it flushes between two of a batch.
TEST_F(Shortcut, SeesThatThePathBecameSmallerAtOnce) {  // RFC 1191 §4
  const Bytes large = frame(udp(kToOsaka, 4000, 53, std::string(1300, 'l')));
  berlin.from_instance(5, large);
  berlin.from_instance(5, large);
  EXPECT_EQ(berlin.shortcuts_taken(), 1u);
  berlin.underlay_mtu = 1000;
  berlin.send_verdict = io::SendVerdict::kTooBig;
  berlin.from_instance(5, std::vector<Bytes>{large, large});
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1)) << "an ICMP error about the second";
  expect_drops(berlin, {{DropReason::kUnderlayBusy, 1}, {DropReason::kFragmentationNeeded, 1}});
}

TEST_F(Shortcut, SeesThatThePathIsAnother) {
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

}  // namespace
}  // namespace farspan::dataplane::testing
