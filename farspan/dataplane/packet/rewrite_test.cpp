// SPDX-License-Identifier: Apache-2.0
// TTL, TOS, MSS, checksums in place, and what a device is told.
#include "farspan/dataplane/packet/rewrite.h"

#include <gtest/gtest.h>

#include "farspan/dataplane/packet/ecn.h"
#include "farspan/dataplane/packet/mss_clamp.h"
#include "farspan/dataplane/packet/packet_fixture.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/packet/virtio.h"

namespace farspan::dataplane {
namespace {

using namespace fixture;
using net::TcpHeader;

TEST(DecrementTtl, GivesThePacketASenderWithOneHopLessWouldSend) {  // RFC 1812 §5.3.1
  for (uint8_t ttl = 255; ttl > 1; --ttl) {
    Bytes packet = tcp_packet({.ttl = ttl});
    SuperPacket view;
    ASSERT_EQ(parse(packet, view), std::nullopt);
    ASSERT_TRUE(decrement_ttl(view));
    ASSERT_EQ(packet, tcp_packet({.ttl = static_cast<uint8_t>(ttl - 1)}));
    ASSERT_EQ(view.parsed.ttl, ttl - 1);
  }
}

TEST(DecrementTtl, StopsAtOne) {
  for (const uint8_t ttl : Bytes{0, 1}) {
    Bytes packet = tcp_packet({.ttl = ttl});
    const Bytes before = packet;
    SuperPacket view;
    ASSERT_EQ(parse(packet, view), std::nullopt);
    EXPECT_FALSE(decrement_ttl(view));
    EXPECT_EQ(packet, before);
  }
}

TEST(DecapsulateEcn, FollowsTheTable) {  // RFC 6040 §4.2, figure 4
  constexpr int kGone = -1;
  constexpr int kFigure4[4][4] = {
      // outer: Not-ECT, ECT(1), ECT(0), CE
      {0, 0, 0, kGone},  // inner Not-ECT
      {1, 1, 1, 3},      // inner ECT(1)
      {2, 1, 2, 3},      // inner ECT(0)
      {3, 3, 3, 3},      // inner CE
  };
  for (uint8_t inner = 0; inner < 4; ++inner) {
    for (uint8_t outer = 0; outer < 4; ++outer) {
      const auto dscp = static_cast<uint8_t>(46 << 2);
      Bytes packet = tcp_packet({.tos = static_cast<uint8_t>(dscp | inner)});
      SuperPacket view;
      ASSERT_EQ(parse(packet, view), std::nullopt);
      view.outer_ecn = outer;
      const auto drop = decapsulate_ecn(view);
      const int want = kFigure4[inner][outer];
      if (want == kGone) {
        EXPECT_EQ(drop, DropReason::kEcnInvalid);
        continue;
      }
      EXPECT_EQ(drop, std::nullopt);
      EXPECT_EQ(packet, tcp_packet({.tos = static_cast<uint8_t>(dscp | want)}))
          << int{inner} << int{outer};
      EXPECT_EQ(view.parsed.tos, dscp | want);
    }
  }
}

TEST(OuterTos, CopiesBothFields) {
  EXPECT_EQ(outer_tos(0xba), 0xba);
}  // RFC 6040 §4.1, normal mode

// ---- MSS

PacketSpec syn(const Bytes& options) {
  PacketSpec spec;
  spec.tcp_flags = TcpHeader::kSyn;
  spec.tcp_options = options;
  return spec;
}

TEST(ClampMss, LowersTheOptionAndKeepsTheChecksum) {  // RFC 9293 §3.2
  Bytes packet = tcp_packet(syn({2, 4, 0x05, 0xb4, 1, 3, 3, 7}));
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  EXPECT_TRUE(clamp_mss(view, 1360));
  EXPECT_EQ(packet, tcp_packet(syn({2, 4, 0x05, 0x50, 1, 3, 3, 7})));
  EXPECT_FALSE(clamp_mss(view, 1360));
}

TEST(ClampMss, WorksAtAnOddOffset) {
  Bytes packet = tcp_packet(syn({1, 2, 4, 0x05, 0xb4, 1, 1, 1}));
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  EXPECT_TRUE(clamp_mss(view, 1360));
  EXPECT_EQ(packet, tcp_packet(syn({1, 2, 4, 0x05, 0x50, 1, 1, 1})));
}

TEST(ClampMss, LeavesAPartialChecksumAlone) {
  Bytes packet = tcp_packet(syn({2, 4, 0x05, 0xb4}));
  net::store_be16(&packet[36], pseudo_sum(packet.data(), 6, 24));
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  view.checksum = Checksum::kPartial;
  EXPECT_TRUE(clamp_mss(view, 1360));
  complete_checksum(view);
  EXPECT_EQ(packet, tcp_packet(syn({2, 4, 0x05, 0x50})));
}

TEST(ClampMss, OnlyTouchesSyns) {
  PacketSpec spec = syn({2, 4, 0x05, 0xb4});
  spec.tcp_flags = TcpHeader::kAck;
  Bytes packet = tcp_packet(spec);
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  EXPECT_FALSE(clamp_mss(view, 1000));
  spec.tcp_flags = TcpHeader::kAck | TcpHeader::kSyn;
  packet = tcp_packet(spec);
  ASSERT_EQ(parse(packet, view), std::nullopt);
  EXPECT_TRUE(clamp_mss(view, 1000));
}

TEST(ClampMss, MalformedOptionsAreHarmless) {
  for (const Bytes& options :
       {Bytes{2, 0, 0xff, 0xff}, Bytes{2, 1, 0xff, 0xff}, Bytes{1, 1, 1, 2}, Bytes{1, 1, 2, 4},
        Bytes{2, 3, 0xff, 0}, Bytes{0, 2, 4, 0xff}, Bytes{5, 200, 2, 4}}) {
    Bytes packet = tcp_packet(syn(options));
    const Bytes before = packet;
    SuperPacket view;
    ASSERT_EQ(parse(packet, view), std::nullopt);
    EXPECT_FALSE(clamp_mss(view, 1));
    EXPECT_EQ(packet, before);
  }
}

TEST(MssForMtu, LeavesRoomForBothHeaders) {
  EXPECT_EQ(mss_for_mtu(1438), 1398);
  EXPECT_EQ(mss_for_mtu(20), 0);
}

// ---- checksums

// What a device left open becomes what a sender without offloads would have written, whether the
// data has an odd length or not.
TEST(CompleteChecksum, FillsInWhatASenderWouldHave) {
  for (size_t length = 0; length < 200; ++length) {
    const PacketSpec spec{.payload = Bytes(length, 0x5a)};
    for (const auto& [wanted, field] :
         {std::pair(tcp_packet(spec), 20 + 16), std::pair(udp_packet(spec), 20 + 6)}) {
      Bytes packet = wanted;
      packet[static_cast<size_t>(field)] ^= 0xff;
      SuperPacket view;
      ASSERT_EQ(parse(packet, view), std::nullopt);
      view.checksum = Checksum::kPartial;
      complete_checksum(view);
      EXPECT_EQ(packet, wanted) << length;
    }
  }
}

TEST(HasValidChecksum, JudgesEveryTransport) {
  auto is_valid = [](Bytes packet) {
    SuperPacket view;
    EXPECT_EQ(parse(packet, view), std::nullopt);
    return has_valid_checksum(view);
  };
  const PacketSpec spec{.payload = {1, 2, 3}};
  for (Bytes packet : {tcp_packet(spec), udp_packet(spec), icmp_packet(spec)}) {
    EXPECT_TRUE(is_valid(packet));
    packet.back() ^= 1;
    EXPECT_FALSE(is_valid(packet));
  }
  Bytes none = udp_packet(spec);
  none[26] = none[27] = 0;
  EXPECT_TRUE(is_valid(none));  // RFC 768
  Bytes trailing = udp_packet(spec);
  trailing.resize(trailing.size() + 5, 0x77);
  trailing[3] = static_cast<uint8_t>(trailing.size());
  fix_ip_checksum(trailing);
  EXPECT_TRUE(is_valid(trailing));
  EXPECT_TRUE(is_valid(ip_packet(spec, 47, {1, 2, 3})));
}

// ---- what a device is told (VIRTIO 1.2 §5.1.6)

TEST(VirtioHeaderOf, SaysNothingAboutAnUncheckedPacket) {
  Bytes packet = tcp_packet({});
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  EXPECT_EQ(bytes_of(virtio_header_of(view, 14)), (std::array<uint8_t, 10>{}));
  view.checksum = Checksum::kValid;
  EXPECT_EQ(virtio_header_of(view, 14).flags, VirtioHeader::kDataValid);
}

TEST(VirtioHeaderOf, APartialChecksumAloneIsNoTrain) {
  Bytes packet = udp_packet({.payload = Bytes(100)});
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  view.checksum = Checksum::kPartial;
  const VirtioHeader virtio = virtio_header_of(view, 14);
  EXPECT_EQ(virtio.flags, VirtioHeader::kNeedsChecksum);
  EXPECT_EQ(virtio.checksum_start, 34);
  EXPECT_EQ(virtio.checksum_offset, 6);
  EXPECT_EQ(virtio.gso_type, VirtioHeader::kNone);
  EXPECT_EQ(virtio.gso_size, 0);
}

TEST(VirtioHeaderOf, IsReadBackAsTheSameTrain) {
  for (const bool is_tcp : {true, false}) {
    PacketSpec spec{.payload = Bytes(5000)};
    spec.tcp_flags |= TcpHeader::kCwr;
    Bytes packet = is_tcp ? tcp_packet(spec) : udp_packet(spec);
    SuperPacket train, again;
    ASSERT_EQ(parse(packet, train), std::nullopt);
    train.checksum = Checksum::kPartial;
    train.segment_size = 1200;
    const VirtioHeader virtio = virtio_header_of(train, 0);
    EXPECT_EQ(virtio.gso_type,
              is_tcp ? VirtioHeader::kTcpV4 | VirtioHeader::kEcn : VirtioHeader::kUdpL4);
    EXPECT_EQ(virtio.header_length, train.header_length);
    ASSERT_EQ(parse_from_port(packet, 0, virtio_header_from(bytes_of(virtio)), again),
              std::nullopt);
    EXPECT_EQ(again.segment_size, 1200);
    EXPECT_EQ(again.checksum, Checksum::kPartial);
  }
}

}  // namespace
}  // namespace farspan::dataplane
