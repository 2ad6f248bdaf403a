// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "farspan/dataplane/packet/arp.h"
#include "farspan/dataplane/packet/mpls.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using net::ArpPacket;
using net::EthernetHeader;

constexpr uint32_t kPortAddress = 0x0a010005;
constexpr net::MacAddress kNodeMac{{0x02, 0xfa, 0, 0, 0, 1}};
constexpr std::array<uint8_t, 6> kPortMac = {0x02, 0xfb, 0, 0, 0, 5};

std::vector<uint8_t> request_for(uint32_t target, uint32_t sender = kPortAddress) {
  std::vector<uint8_t> frame(60);  // padded as Ethernet wants it
  auto& ethernet = net::header_at<EthernetHeader>(frame.data());
  std::fill_n(ethernet.destination, 6, uint8_t{0xff});
  std::copy_n(kPortMac.begin(), 6, ethernet.source);
  ethernet.type = EthernetHeader::kArp;
  auto& arp = net::header_at<ArpPacket>(frame.data() + 14);
  arp.hardware_type = 1;
  arp.protocol_type = 0x0800;
  arp.hardware_length = 6;
  arp.protocol_length = 4;
  arp.operation = ArpPacket::kRequest;
  std::copy_n(kPortMac.begin(), 6, arp.sender_mac);
  arp.sender_address = sender;
  arp.target_address = target;
  return frame;
}

ArpAnswer answered(const std::vector<uint8_t>& frame) {
  std::array<uint8_t, kArpFrame> reply;
  return answer_arp(frame, kPortAddress, kNodeMac, reply);
}

bool is_silent(const std::vector<uint8_t>& frame) {
  const ArpAnswer answer = answered(frame);
  return !answer.has_reply && !answer.drop;
}

TEST(Arp, TheNodeAnswersForEveryOtherAddress) {  // RFC 826, RFC 1027
  std::array<uint8_t, kArpFrame> reply;
  ASSERT_TRUE(answer_arp(request_for(0x0a010063), kPortAddress, kNodeMac, reply).has_reply);
  const std::array<uint8_t, kArpFrame> want = {
      0x02, 0xfb, 0, 0, 0, 5, 0x02, 0xfa, 0, 0,  0, 1, 0x08, 0x06,  // to the port, from the node
      0,    1,    8, 0, 6, 4, 0,    2,                              // reply
      0x02, 0xfa, 0, 0, 0, 1, 10,   1,    0, 99,                    // 10.1.0.99 is at the node
      0x02, 0xfb, 0, 0, 0, 5, 10,   1,    0, 5};
  EXPECT_EQ(reply, want);
}

TEST(Arp, StaysSilentAboutThePortsOwnAddress) {  // RFC 5227
  EXPECT_TRUE(is_silent(request_for(kPortAddress)));
  EXPECT_TRUE(is_silent(request_for(kPortAddress, 0)));         // probe
  EXPECT_TRUE(is_silent(request_for(0x0a010007, 0x0a010007)));  // announcement of another one
  EXPECT_TRUE(is_silent(request_for(0)));
  EXPECT_TRUE(is_silent(request_for(0xe0000001)));
  auto reply = request_for(0x0a010063);
  reply[21] = ArpPacket::kReply;
  EXPECT_TRUE(is_silent(reply));
}

TEST(Arp, RefusesOtherHardwareProtocolsAndLengths) {
  for (const size_t at : {15, 16, 18, 19, 21}) {
    auto frame = request_for(0x0a010063);
    frame[at] = static_cast<uint8_t>(frame[at] + 3);
    EXPECT_EQ(answered(frame).drop, DropReason::kMalformedArp) << at;
  }
  auto group = request_for(0x0a010063);
  group[22] |= 1;
  EXPECT_EQ(answered(group).drop, DropReason::kMalformedArp);
  auto cut = request_for(0x0a010063);
  cut.resize(41);
  EXPECT_EQ(answered(cut).drop, DropReason::kMalformedArp);
}

TEST(Mpls, WritesOneEntryAndReadsItBack) {  // RFC 3032 §2.1
  std::array<uint8_t, 5> packet{};
  write_label(packet.data(), 0x12345);
  EXPECT_EQ(packet, (std::array<uint8_t, 5>{0x12, 0x34, 0x51, 64, 0}));
  EXPECT_EQ(read_label(packet), 0x12345u);
  write_label(packet.data(), kMaxLabel);
  EXPECT_EQ(read_label(packet), kMaxLabel);
}

TEST(Mpls, RefusesStacksCutDeepReservedOrExpired) {
  auto label = [](std::vector<uint8_t> bytes) { return read_label(bytes); };
  EXPECT_EQ(label({0x12, 0x34, 0x51}), std::nullopt);
  EXPECT_EQ(label({0x12, 0x34, 0x50, 64}), std::nullopt);  // not the bottom
  EXPECT_EQ(label({0x00, 0x00, 0xf1, 64}), std::nullopt);  // 15
  EXPECT_EQ(label({0x00, 0x01, 0x01, 64}), 16u);
  EXPECT_EQ(label({0x12, 0x34, 0x51, 0}), std::nullopt);
}

}  // namespace
}  // namespace farspan::dataplane
