// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/parse.h"

#include <gtest/gtest.h>

#include "farspan/dataplane/packet/packet_fixture.h"

namespace farspan::dataplane {
namespace {

using namespace fixture;
using net::Ipv4Header;
using net::TcpHeader;

std::optional<DropReason> parsed(Bytes packet) {
  SuperPacket view;
  return parse(packet, view);
}

Bytes with_ip_byte(Bytes packet, size_t at, uint8_t value) {
  packet[at] = value;
  fix_ip_checksum(packet);
  return packet;
}

TEST(Parse, LaysTheViewOverATcpSegment) {
  PacketSpec spec;
  spec.tos = 0xb9;
  spec.tcp_options = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
  spec.payload = {9, 8, 7};
  Bytes packet = tcp_packet(spec);
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  EXPECT_EQ(view.header, packet.data());
  EXPECT_EQ(view.header_length, 20 + 32);
  EXPECT_EQ(view.payload_length, 3u);
  ASSERT_EQ(view.piece_count, 1u);
  EXPECT_EQ(view.pieces[0].bytes, packet.data() + 52);
  EXPECT_EQ(view.checksum, Checksum::kUnchecked);
  EXPECT_EQ(view.wire_packets(), 1u);
  EXPECT_EQ(view.parsed.source, 0x0a010005u);
  EXPECT_EQ(view.parsed.destination, 0x0a020009u);
  EXPECT_EQ(view.parsed.source_port, 40000);
  EXPECT_EQ(view.parsed.destination_port, 443);
  EXPECT_EQ(view.parsed.protocol, 6);
  EXPECT_EQ(view.parsed.tcp_flags, TcpHeader::kAck);
  EXPECT_EQ(view.parsed.tos, 0xb9);
  EXPECT_EQ(view.parsed.ttl, 64);
  EXPECT_TRUE(view.parsed.has_df);
  EXPECT_FALSE(view.parsed.is_fragment);
}

TEST(Parse, CutsPaddingOfShortEthernetFrames) {
  Bytes packet = udp_packet({.payload = {1, 2}});
  packet.resize(46);
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  EXPECT_EQ(view.length(), 30u);
}

TEST(Parse, APacketWithoutPayloadHasNoPieces) {
  Bytes packet = tcp_packet({});
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  EXPECT_EQ(view.piece_count, 0u);
  EXPECT_EQ(view.payload_length, 0u);
}

TEST(Parse, RefusesBrokenIpv4Headers) {  // RFC 1812 §5.2.2
  const Bytes good = tcp_packet({});
  EXPECT_EQ(parsed({}), DropReason::kMalformedIpv4);
  EXPECT_EQ(parsed(Bytes(good.begin(), good.begin() + 19)), DropReason::kMalformedIpv4);
  EXPECT_EQ(parsed(with_ip_byte(good, 0, 0x65)), DropReason::kMalformedIpv4);  // version 6
  EXPECT_EQ(parsed(with_ip_byte(good, 0, 0x44)), DropReason::kMalformedIpv4);  // 16 byte header
  EXPECT_EQ(parsed(with_ip_byte(good, 3, 41)),
            DropReason::kMalformedIpv4);  // longer than the buffer
  EXPECT_EQ(parsed(with_ip_byte(good, 3, 19)),
            DropReason::kMalformedIpv4);  // shorter than its header
  Bytes damaged = good;
  damaged[8] ^= 1;  // TTL, checksum left
  EXPECT_EQ(parsed(damaged), DropReason::kMalformedIpv4);
}

TEST(Parse, RefusesMartians) {  // RFC 6890, RFC 1812 §5.3.7
  for (const uint32_t bad :
       {0x00000001u, 0x7f000001u, 0xa9fe0001u, 0xe0000001u, 0xf0000001u, 0xffffffffu}) {
    EXPECT_EQ(parsed(tcp_packet({.source = bad})), DropReason::kMartianAddress) << std::hex << bad;
    EXPECT_EQ(parsed(tcp_packet({.destination = bad})), DropReason::kMartianAddress)
        << std::hex << bad;
  }
  for (const uint32_t good :
       {0x01000001u, 0x7e000001u, 0x80000001u, 0xa9fd0001u, 0xdfffffffu, 0x64400001u}) {
    EXPECT_EQ(parsed(tcp_packet({.source = good})), std::nullopt) << std::hex << good;
  }
}

TEST(Parse, RefusesSourceRoutesAndBrokenOptions) {  // RFC 7126 §4.3, RFC 791 §3.1
  EXPECT_EQ(parsed(tcp_packet({.ip_options = {131, 7, 4, 1, 2, 3, 4, 0}})),
            DropReason::kIpv4Options);
  EXPECT_EQ(parsed(tcp_packet({.ip_options = {1, 137, 7, 4, 1, 2, 3, 4}})),
            DropReason::kIpv4Options);
  EXPECT_EQ(parsed(tcp_packet({.ip_options = {7, 1, 0, 0}})),
            DropReason::kMalformedIpv4);  // length < 2
  EXPECT_EQ(parsed(tcp_packet({.ip_options = {7, 5, 4, 0}})),
            DropReason::kMalformedIpv4);  // past the end
  EXPECT_EQ(parsed(tcp_packet({.ip_options = {1, 1, 1, 7}})),
            DropReason::kMalformedIpv4);                                        // no length
  EXPECT_EQ(parsed(tcp_packet({.ip_options = {148, 4, 0, 0}})), std::nullopt);  // router alert
  EXPECT_EQ(parsed(tcp_packet({.ip_options = {0, 131, 137, 7}})),
            std::nullopt);  // behind the end: nothing
}

TEST(Parse, RefusesCutOrWrongTransportHeaders) {
  EXPECT_EQ(parsed(ip_packet({}, 6, Bytes(19))), DropReason::kMalformedTransport);
  EXPECT_EQ(parsed(ip_packet({}, 17, Bytes(7))), DropReason::kMalformedTransport);
  EXPECT_EQ(parsed(ip_packet({}, 1, Bytes(7))), DropReason::kMalformedTransport);
  Bytes tcp = tcp_packet({});
  tcp[32] = 0x40;  // data offset 16
  EXPECT_EQ(parsed(tcp), DropReason::kMalformedTransport);
  tcp[32] = 0x60;  // data offset 24 of 20
  EXPECT_EQ(parsed(tcp), DropReason::kMalformedTransport);
  Bytes udp = udp_packet({.payload = {1, 2, 3, 4}});
  udp[25] = 7;  // shorter than its header (RFC 768)
  EXPECT_EQ(parsed(udp), DropReason::kMalformedTransport);
  udp[25] = 13;  // longer than the packet
  EXPECT_EQ(parsed(udp), DropReason::kMalformedTransport);
  udp[25] = 11;  // bytes behind the datagram are allowed
  EXPECT_EQ(parsed(udp), std::nullopt);
}

TEST(Parse, FlagsFragmentsWithoutLookingForPorts) {
  Bytes first = ip_packet({.flags_offset = Ipv4Header::kMoreFragments}, 6, Bytes(8));
  SuperPacket view;
  ASSERT_EQ(parse(first, view), std::nullopt);
  EXPECT_TRUE(view.parsed.is_fragment);
  EXPECT_EQ(view.header_length, 20);
  EXPECT_EQ(view.parsed.source_port, 0);
  EXPECT_EQ(parsed(ip_packet({.flags_offset = 5}, 6, Bytes(3))), std::nullopt);
}

TEST(Parse, RefusesImpossibleFragments) {
  EXPECT_EQ(parsed(ip_packet({.flags_offset = Ipv4Header::kMoreFragments}, 6, Bytes(12))),
            DropReason::kMalformedIpv4);  // not a multiple of 8
  EXPECT_EQ(parsed(ip_packet({.flags_offset = 5}, 6, {})), DropReason::kMalformedIpv4);  // empty
  EXPECT_EQ(parsed(ip_packet({.flags_offset = 8189}, 6, Bytes(4))),
            DropReason::kMalformedIpv4);                                            // 65536
  EXPECT_EQ(parsed(ip_packet({.flags_offset = 8189}, 6, Bytes(3))), std::nullopt);  // 65535
}

TEST(Parse, ReadsTheIdentifierOfEchoesAndRecognisesErrors) {  // RFC 792
  SuperPacket view;
  Bytes echo = icmp_packet({.source_port = 0x1234});
  ASSERT_EQ(parse(echo, view), std::nullopt);
  EXPECT_EQ(view.parsed.source_port, 0x1234);
  EXPECT_EQ(view.parsed.destination_port, 0x1234);
  EXPECT_FALSE(view.parsed.is_icmp_error);
  for (const uint8_t type : Bytes{3, 4, 5, 11, 12}) {
    Bytes error = icmp_packet({.icmp_type = type});
    ASSERT_EQ(parse(error, view), std::nullopt);
    EXPECT_TRUE(view.parsed.is_icmp_error) << int{type};
    EXPECT_EQ(view.parsed.source_port, 0);
  }
}

// ---- what a device says beside the packet

Bytes framed(const Bytes& packet) {
  Bytes frame(14 + packet.size());
  std::copy(packet.begin(), packet.end(), frame.begin() + 14);
  return frame;
}

VirtioHeader needs_checksum(uint16_t start, uint16_t offset) {
  return {
      .flags = VirtioHeader::kNeedsChecksum, .checksum_start = start, .checksum_offset = offset};
}

VirtioHeader tso(uint16_t size) {
  VirtioHeader virtio = needs_checksum(34, 16);
  virtio.gso_type = VirtioHeader::kTcpV4;
  virtio.gso_size = size;
  virtio.header_length = 54;
  return virtio;
}

std::optional<DropReason> from_port(const Bytes& packet, const VirtioHeader& virtio,
                                    SuperPacket& view) {
  static Bytes frame;
  frame = framed(packet);
  return parse_from_port(frame, 14, virtio, view);
}

TEST(ParseFromPort, TakesATsoTrain) {
  SuperPacket view;
  ASSERT_EQ(from_port(tcp_packet({.payload = Bytes(3000)}), tso(1460), view), std::nullopt);
  EXPECT_EQ(view.segment_size, 1460);
  EXPECT_EQ(view.wire_packets(), 3u);
  EXPECT_EQ(view.checksum, Checksum::kPartial);
}

TEST(ParseFromPort, TakesAUsoTrain) {
  VirtioHeader virtio = needs_checksum(34, 6);
  virtio.gso_type = VirtioHeader::kUdpL4;
  virtio.gso_size = 1200;
  SuperPacket view;
  ASSERT_EQ(from_port(udp_packet({.payload = Bytes(48000)}), virtio, view), std::nullopt);
  EXPECT_EQ(view.wire_packets(), 40u);
}

TEST(ParseFromPort, ATrainOfOneIsAPlainPacket) {
  SuperPacket view;
  ASSERT_EQ(from_port(tcp_packet({.payload = Bytes(100)}), tso(1460), view), std::nullopt);
  EXPECT_EQ(view.segment_size, 0);
  EXPECT_EQ(view.checksum, Checksum::kPartial);
}

TEST(ParseFromPort, BelievesDataValid) {
  SuperPacket view;
  ASSERT_EQ(from_port(tcp_packet({}), {.flags = VirtioHeader::kDataValid}, view), std::nullopt);
  EXPECT_EQ(view.checksum, Checksum::kValid);
}

TEST(ParseFromPort, RefusesHeadersThatContradictThePacket) {
  const Bytes tcp = tcp_packet({.payload = Bytes(3000)});
  const Bytes udp = udp_packet({.payload = Bytes(3000)});
  SuperPacket view;
  auto refused = [&](const Bytes& packet, const VirtioHeader& virtio) {
    return from_port(packet, virtio, view) == DropReason::kBadVirtioHeader;
  };
  auto changed = [](auto change) {
    VirtioHeader virtio = tso(1460);
    change(virtio);
    return virtio;
  };
  EXPECT_TRUE(refused(udp, tso(1460)));  // TSO of UDP
  EXPECT_TRUE(refused(tcp, changed([](auto& v) { v.gso_type = VirtioHeader::kTcpV6; })));
  EXPECT_TRUE(refused(tcp, changed([](auto& v) { v.gso_type = 3; })));     // UFO
  EXPECT_TRUE(refused(tcp, changed([](auto& v) { v.gso_type = 0x80; })));  // ECN of nothing
  EXPECT_TRUE(refused(tcp, changed([](auto& v) { v.gso_type = VirtioHeader::kUdpL4; })));
  EXPECT_TRUE(refused(tcp, changed([](auto& v) { v.gso_size = 0; })));
  EXPECT_TRUE(refused(tcp, changed([](auto& v) { v.gso_size = 1; })));  // 3000 wire packets
  EXPECT_TRUE(refused(tcp, changed([](auto& v) { v.flags = 0; })));     // no checksum wanted
  EXPECT_TRUE(refused(tcp, changed([](auto& v) { v.header_length = 0xffff; })));
  EXPECT_TRUE(refused(tcp, needs_checksum(34, 6)));   // UDP's field in TCP
  EXPECT_TRUE(refused(tcp, needs_checksum(33, 16)));  // inside the IPv4 header
  EXPECT_TRUE(refused(tcp, needs_checksum(0, 16)));
  EXPECT_TRUE(refused(tcp, needs_checksum(36, 0)));     // would rewrite the ports
  EXPECT_TRUE(refused(tcp, needs_checksum(54, 2999)));  // past the end
  EXPECT_TRUE(refused(tcp, needs_checksum(0xffff, 0xffff)));
  EXPECT_TRUE(
      refused(ip_packet({.flags_offset = Ipv4Header::kMoreFragments}, 6, Bytes(80)), tso(48)));
  Bytes short_udp = udp;
  short_udp[25] = 100;
  short_udp[24] = 0;
  EXPECT_TRUE(refused(short_udp, needs_checksum(34, 6)));
}

TEST(ParseFromPort, CompletesAChecksumInsideTheInstancesOwnTunnel) {
  const Bytes inner = tcp_packet({.payload = {1, 2, 3}});
  Bytes partial = inner;
  net::store_be16(&partial[36], pseudo_sum(inner.data(), 6, 23));
  Bytes payload(8 + partial.size(), 0x55);  // behind an encapsulation header
  std::copy(partial.begin(), partial.end(), payload.begin() + 8);
  SuperPacket view;
  ASSERT_EQ(from_port(udp_packet({.payload = payload}), needs_checksum(14 + 28 + 8 + 20, 16), view),
            std::nullopt);
  EXPECT_EQ(view.checksum, Checksum::kUnchecked);
  EXPECT_EQ(Bytes(view.pieces[0].bytes + 8, view.pieces[0].bytes + view.pieces[0].length), inner);
}

TEST(ParseFromPort, ReadsTunFramesWithoutLinkHeader) {
  Bytes packet = tcp_packet({.payload = Bytes(10)});
  SuperPacket view;
  EXPECT_EQ(parse_from_port(packet, 0, needs_checksum(20, 16), view), std::nullopt);
  EXPECT_EQ(parse_from_port({packet.data(), 3}, 14, {}, view), DropReason::kMalformedIpv4);
}

}  // namespace
}  // namespace farspan::dataplane
