// SPDX-License-Identifier: Apache-2.0
// What a neighbour who means no good can do to others' flows: nothing.
#include <farspan/v1/tables.pb.h>
#include <gmock/gmock.h>

#include "tests/packet/rig.h"

namespace farspan::dataplane::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using enum DropReason;
using std::chrono::seconds;

constexpr uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10;
const Ip kOut{.source = "10.1.0.5", .destination = "172.16.0.5"};
const Ip kIn{.source = "172.16.0.5", .destination = "10.1.0.5"};

class Hostile : public World {
 protected:
  Hostile() { program(); }
  /// Nothing of paris may come in but what belongs to flows of 10.1.0.5.
  void program() {
    berlin.program([](v1::TablesBatch& batch) {
      plain_tables(batch, "10.1.0", {{"172.16.0.0/24", kOffice}});
      allow_from(batch, "10.1.0.0/24");
    });
  }
  void out(const Bytes& packet) {
    berlin.from_instance(5, frame(packet));
    berlin.sent();
  }
  /// How many of them were delivered.
  size_t in(const Bytes& packet) {
    berlin.from_wire({paris.seal(kOffice, packet)});
    return berlin.taken_from(5).size();
  }
  void out(uint32_t sequence, uint32_t ack, uint8_t flags) {
    out(tcp(kOut, {4000, 80, sequence, ack, flags}, ""));
  }
  size_t in(uint32_t sequence, uint32_t ack, uint8_t flags) {
    return in(tcp(kIn, {80, 4000, sequence, ack, flags}, ""));
  }
  void open() {
    out(1000, 0, kSyn);
    EXPECT_EQ(in(5000, 1001, kSyn | kAck), 1u);
    out(1001, 5001, kAck);
  }
};

TEST_F(Hostile, OneInstanceCannotKeepOthersFromOpening) {
  for (uint32_t i = 0; i < 20'000; ++i) {
    const auto port = static_cast<uint16_t>(1000 + i);
    berlin.from_instance(5, frame(udp({"10.1.0.5", "10.1.0.6"}, port, 9, "")));
    if (i % 200 != 0) continue;
    berlin.from_instance(6, frame(tcp({"10.1.0.6", "172.16.0.5"}, {port, 80, 1, 0, kSyn}, "")));
    berlin.from_wire(
        {paris.seal(kOffice, tcp({"172.16.0.5", "10.1.0.6"}, {80, port, 1, 2, kSyn | kAck}, ""))});
    berlin.from_instance(6, frame(tcp({"10.1.0.6", "172.16.0.5"}, {port, 80, 2, 2, kAck}, "")));
  }
  size_t established = 0;
  for (const Flow& flow : berlin.flows())
    established += flow.state == FlowState::kTcpEstablished ? 1 : 0;
  EXPECT_EQ(established, 100u) << "all that 10.1.0.6 ever opened";
  EXPECT_EQ(berlin.count(Counter::kFlows), 1024u);
  EXPECT_EQ(berlin.count(Counter::kFlowsLimit), 1024u);
  EXPECT_EQ(berlin.count(Counter::kFlowsEvicted), 20'100u - 1024u);
  berlin.taken_from(5);
  expect_drops(berlin, {});
}

TEST_F(Hostile, NoFlowIsSpentOnWhatEndsBeforeItLeaves) {
  TestNode oslo("oslo", "192.0.2.9");  // its tunnel is down
  oslo.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.9.0", {{"10.1.0.0/24", 3}});
    allow_from(batch, "0.0.0.0/0");
    batch.mutable_ports(1)->set_has_fd(false);
  });
  for (uint16_t i = 0; i < 1100; ++i)
    oslo.from_instance(5, frame(udp({"10.9.0.5", "10.1.0.5"}, i, 9, "")));
  oslo.from_instance(5, frame(udp({"10.9.0.5", "10.9.0.6"}, 1, 9, "")));
  oslo.from_instance(5, frame(tcp({"10.9.0.5", "10.9.0.6"}, {.flags = kRst}, "")));
  EXPECT_THAT(oslo.flows(), IsEmpty());
  expect_drops(oslo, {{kNoSa, 1100}, {kPortDown, 2}});
}

TEST_F(Hostile, TcpPassesOnlyAsAConnectionGoesOn) {  // RFC 9293, RFC 5961
  open();
  EXPECT_EQ(in(5001, 1001, kAck), 1u);
  EXPECT_EQ(in(9, 0, kSyn), 0u);
  EXPECT_EQ(in(0x80000000, 1001, kAck | kPsh), 0u);
  EXPECT_EQ(in(0xdeadbeef, 0, kRst), 0u);
  EXPECT_EQ(in(5001, 1001, kSyn | kFin), 0u);
  EXPECT_EQ(in(5001, 1001, 0), 0u);
  EXPECT_EQ(in(5001, 1001, 0x29), 0u) << "Xmas";
  expect_drops(berlin, {{kTcpSyn, 1}, {kTcpWindow, 1}, {kTcpReset, 1}, {kTcpFlags, 3}});
  berlin.advance(seconds(3600));
  EXPECT_EQ(in(5001, 1001, kAck | kPsh), 1u) << "nothing of it ended the connection";
}

TEST_F(Hostile, AnExactResetEndsAndItsPortsOpenAnew) {
  open();
  EXPECT_EQ(in(5001, 1001, kRst), 1u);
  EXPECT_EQ(berlin.flows().at(0).state, FlowState::kTcpClosing);
  out(77'000, 0, kSyn);
  EXPECT_EQ(in(99'000, 77'001, kSyn | kAck), 1u);
  EXPECT_EQ(berlin.flows().at(0).state, FlowState::kTcpOpening);
  expect_drops(berlin, {});
}

// A flow that is judged again may have gone another way meanwhile, so what does not fit passes
// once; one that a change does not touch is watched on.
TEST_F(Hostile, AChangeElsewhereDoesNotOpenTheWindow) {
  const auto program_with = [&](const char* destination) {
    berlin.program([&](v1::TablesBatch& batch) {
      plain_tables(batch, "10.1.0", {{"172.16.0.0/24", kOffice}, {destination, kOffice}});
      allow_from(batch, "10.1.0.0/24");
    });
  };
  open();
  program_with("172.31.0.0/24");
  EXPECT_EQ(in(0x80000000, 1001, kAck | kPsh), 0u);
  program_with("172.16.0.0/25");
  EXPECT_EQ(in(0x80000000, 1001, kAck | kPsh), 1u);
  expect_drops(berlin, {{kTcpWindow, 1}});
}

TEST_F(Hostile, AConnectionIsPickedUpInTheMiddle) {
  out(700, 900, kAck | kPsh);
  EXPECT_EQ(in(900, 700, kAck), 1u);
  EXPECT_EQ(in(0x70000000, 700, kAck), 0u) << "checked from now on";
  expect_drops(berlin, {{kTcpWindow, 1}});
}

// Windows are scaled, and a super-packet counts with all its bytes (RFC 7323 §2).
TEST_F(Hostile, ASuperPacketCountsWithItsWholeLength) {
  open();
  const VirtioHeader tso{.flags = VirtioHeader::kNeedsChecksum,
                         .gso_type = VirtioHeader::kTcpV4,
                         .header_length = 54,
                         .gso_size = 1000,
                         .checksum_start = 34,
                         .checksum_offset = 16};
  berlin.from_instance(
      5, frame(tcp(kOut, {4000, 80, 1001, 5001, kAck | kPsh}, std::string(20'000, 's'))), tso);
  EXPECT_EQ(in(5001, 21'001, kAck), 1u);
  EXPECT_EQ(in(5001, 21'002, kAck), 0u) << "of what was not sent";
  expect_drops(berlin, {{kTcpWindow, 1}});
}

Bytes icmp(const Ip& ip, uint8_t type, uint16_t identifier) {
  Bytes packet = echo(ip, true, identifier, "");
  const uint32_t before = packet[20];
  packet[20] = type;  // RFC 1624: the checksum loses what the type gained
  uint32_t sum = static_cast<uint32_t>(packet[22] << 8 | packet[23]);
  sum = (~sum & 0xffff) + (uint32_t{type} << 8) + (~(before << 8) & 0xffff);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ~((sum & 0xffff) + (sum >> 16));
  packet[22] = static_cast<uint8_t>(sum >> 8);
  packet[23] = static_cast<uint8_t>(sum);
  return packet;
}

TEST_F(Hostile, APingIsAnsweredAndNotAskedBack) {  // RFC 5508 §3
  out(echo(kOut, true, 7, "ping"));
  EXPECT_EQ(in(echo(kIn, true, 7, "my own question")), 0u);
  EXPECT_EQ(in(echo(kIn, false, 8, "another's answer")), 0u);
  EXPECT_EQ(in(echo(kIn, false, 7, "pong")), 1u);
  expect_drops(berlin, {{kSecurityGroupIngress, 1}, {kIcmpUnasked, 1}});
}

TEST_F(Hostile, EachQuestionHasItsOwnAnswer) {
  out(icmp(kOut, 13, 7));
  for (const int type : {9, 10, 30, 255})
    EXPECT_EQ(in(icmp(kIn, static_cast<uint8_t>(type), 7)), 0u);
  EXPECT_EQ(in(icmp(kIn, 17, 7)), 0u);
  EXPECT_EQ(in(icmp(kIn, 18, 7)), 0u);
  EXPECT_EQ(in(icmp(kIn, 0, 7)), 0u);
  EXPECT_EQ(in(icmp(kIn, 14, 7)), 1u);
  expect_drops(berlin, {{kIcmpType, 4}, {kSecurityGroupIngress, 1}, {kIcmpUnasked, 2}});
}

TEST_F(Hostile, RedirectAndSourceQuenchPassFromNobody) {  // RFC 6633, RFC 1812 §5.2.7.2
  const Bytes query = udp(kOut, 4000, 53, "query");
  out(query);
  for (const char* from : {"10.1.0.1", "172.16.0.5", "8.8.8.8"}) {
    EXPECT_EQ(in(icmp_error({from, "10.1.0.5"}, 5, 1, query)), 0u);
    EXPECT_EQ(in(icmp_error({from, "10.1.0.5"}, 4, 0, query)), 0u);
  }
  expect_drops(berlin, {{kIcmpType, 6}});
}

TEST_F(Hostile, AnErrorAboutAFlowPassesAfterTheTablesChanged) {
  const Bytes query = udp(kOut, 4000, 53, "query");
  out(query);
  program();  // the same again: somebody changed something else
  EXPECT_EQ(in(icmp_error(kIn, 3, 3, query)), 1u);
  berlin.program([](v1::TablesBatch& batch) {  // now it may not go there any more
    plain_tables(batch, "10.1.0", {{"172.16.0.0/24", kOffice}});
    auto* rule = batch.add_security_groups();
    rule->set_id(1);
    auto* drop = rule->add_egress();
    drop->set_port_high(65535);
    drop->set_peer("0.0.0.0/0");
    drop->set_is_drop(true);
    drop->set_priority(1);
  });
  EXPECT_EQ(in(icmp_error(kIn, 3, 3, query)), 0u);
  expect_drops(berlin, {{kNoFlowForPacket, 1}});
}

}  // namespace
}  // namespace farspan::dataplane::testing
