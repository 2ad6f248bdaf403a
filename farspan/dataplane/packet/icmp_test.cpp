// SPDX-License-Identifier: Apache-2.0
// ICMP errors as we write them and as we read them, and echo replies.
#include <gtest/gtest.h>

#include "farspan/dataplane/packet/icmp_error.h"
#include "farspan/dataplane/packet/icmp_quote.h"
#include "farspan/dataplane/packet/packet_fixture.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/packet/segment.h"

namespace farspan::dataplane {
namespace {

using namespace fixture;
using net::IcmpHeader;
using net::Ipv4Header;

constexpr uint32_t kRouter = 0x0a0100fd;

Bytes error_about(SuperPacket& about, IcmpError error, uint16_t mtu = 0) {
  std::array<uint8_t, kMaxIcmpError> room;
  const uint32_t length = write_icmp_error(about, error, kRouter, mtu, room);
  return Bytes(room.begin(), room.begin() + length);
}

TEST(IcmpError, QuotesASmallPacketWhole) {  // RFC 1812 §4.3.2.3
  Bytes packet = udp_packet({.payload = {1, 2, 3}});
  SuperPacket about;
  ASSERT_EQ(parse(packet, about), std::nullopt);
  const Bytes error = error_about(about, IcmpError::kTtlExceeded);
  EXPECT_TRUE(has_right_checksums(error));
  EXPECT_EQ(Bytes(error.begin() + 28, error.end()), packet);
  SuperPacket view;
  Bytes copy = error;
  ASSERT_EQ(parse(copy, view), std::nullopt);
  EXPECT_EQ(view.parsed.source, kRouter);
  EXPECT_EQ(view.parsed.destination, 0x0a010005u);
  EXPECT_EQ(view.parsed.icmp_type, IcmpHeader::kTimeExceeded);
  EXPECT_TRUE(view.parsed.is_icmp_error);
  EXPECT_EQ(view.parsed.tos, 0xc0);
}

TEST(IcmpError, IsNeverLongerThan576) {
  Bytes packet = udp_packet({.payload = Bytes(1400, 5)});
  SuperPacket about;
  ASSERT_EQ(parse(packet, about), std::nullopt);
  const Bytes error = error_about(about, IcmpError::kHostUnreachable);
  ASSERT_EQ(error.size(), 576u);
  EXPECT_TRUE(has_right_checksums(error));
  EXPECT_TRUE(std::equal(error.begin() + 28, error.end(), packet.begin()));
}

TEST(IcmpError, SaysTypeCodeAndMtu) {  // RFC 792, RFC 1191 §4
  Bytes packet = tcp_packet({});
  SuperPacket about;
  ASSERT_EQ(parse(packet, about), std::nullopt);
  const std::pair<IcmpError, std::pair<int, int>> expected[] = {
      {IcmpError::kNetUnreachable, {3, 0}},      {IcmpError::kHostUnreachable, {3, 1}},
      {IcmpError::kProtocolUnreachable, {3, 2}}, {IcmpError::kPortUnreachable, {3, 3}},
      {IcmpError::kFragmentationNeeded, {3, 4}}, {IcmpError::kTtlExceeded, {11, 0}},
  };
  for (const auto& [error, numbers] : expected) {
    const Bytes bytes = error_about(about, error, 1400);
    EXPECT_EQ(bytes[20], numbers.first);
    EXPECT_EQ(bytes[21], numbers.second);
    EXPECT_EQ(net::load_be16(&bytes[26]), 1400);
  }
}

TEST(IcmpError, AboutATrainQuotesItsFirstWirePacket) {
  for (const bool is_tcp : {true, false}) {
    PacketSpec spec{.payload = Bytes(3000, 9)};
    spec.tcp_flags |= net::TcpHeader::kPsh | net::TcpHeader::kFin;
    Bytes packet = is_tcp ? tcp_packet(spec) : udp_packet(spec);
    SuperPacket about;
    ASSERT_EQ(parse(packet, about), std::nullopt);
    about.segment_size = 400;
    about.checksum = Checksum::kPartial;
    const Bytes before = packet;
    const Bytes error = error_about(about, IcmpError::kFragmentationNeeded, 300);
    EXPECT_EQ(packet, before);
    EXPECT_EQ(Bytes(error.begin() + 28, error.end()), written_by(Segmenter(about))[0]);
  }
}

TEST(MayReport, NeverAboutErrorsLaterFragmentsOrGroups) {  // RFC 1122 §3.2.2, RFC 1812 §4.3.2.7
  auto may = [](Bytes packet) {
    SuperPacket view;
    EXPECT_EQ(parse(packet, view), std::nullopt);
    return may_report(view);
  };
  EXPECT_TRUE(may(tcp_packet({})));
  EXPECT_TRUE(may(icmp_packet({})));
  for (const uint8_t type : Bytes{3, 4, 5, 11, 12})
    EXPECT_FALSE(may(icmp_packet({.icmp_type = type})));
  EXPECT_TRUE(may(ip_packet({.flags_offset = Ipv4Header::kMoreFragments}, 17, Bytes(16))));
  EXPECT_FALSE(may(ip_packet({.flags_offset = 2}, 17, Bytes(16))));

  Bytes packet = tcp_packet({});
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  view.parsed.destination = 0xe0000001;
  EXPECT_FALSE(may_report(view));
  view.parsed.destination = 0x0a020009;
  view.parsed.source = 0;
  EXPECT_FALSE(may_report(view));
}

TEST(EchoReply, AnswersWithTheSameBytes) {  // RFC 792, RFC 1122 §3.2.2.6
  PacketSpec spec{.source_port = 99, .ttl = 3, .payload = {1, 2, 3, 4, 5}};
  Bytes packet = icmp_packet(spec);
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  ASSERT_TRUE(is_echo_request(view));
  make_echo_reply(view);
  std::swap(spec.source, spec.destination);
  spec.ttl = 64;
  spec.icmp_type = IcmpHeader::kEchoReply;
  EXPECT_EQ(packet, icmp_packet(spec));
  EXPECT_FALSE(is_echo_request(view));
  EXPECT_EQ(view.parsed.source, 0x0a020009u);
}

TEST(EchoReply, ADamagedRequestStaysDamaged) {
  Bytes packet = icmp_packet({.payload = {1, 2, 3, 4}});
  packet.back() ^= 1;
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  make_echo_reply(view);
  EXPECT_FALSE(has_right_checksums(packet));
}

TEST(TokenBucket, AllowsABurstThenTheRate) {  // RFC 1812 §4.3.2.8
  TokenBucket bucket(10, 3);
  TokenBucket::Instant now{std::chrono::hours(1)};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now + std::chrono::milliseconds(99)));
  EXPECT_TRUE(bucket.take(now + std::chrono::milliseconds(100)));
  EXPECT_FALSE(bucket.take(now + std::chrono::milliseconds(100)));
  now += std::chrono::hours(1);
  int taken = 0;
  while (bucket.take(now)) ++taken;
  EXPECT_EQ(taken, 3);
}

// ---- reading errors of others

std::optional<QuotedPacket> quote_in(const Bytes& quoted) {
  static Bytes error;
  error = icmp_packet({.payload = quoted, .icmp_type = IcmpHeader::kUnreachable, .icmp_code = 4});
  SuperPacket view;
  EXPECT_EQ(parse(error, view), std::nullopt);
  return read_quote(view);
}

Bytes cut(Bytes packet, size_t length) {
  packet.resize(length);
  return packet;
}

TEST(ReadQuote, FindsTheFlowInTheFirstEightBytes) {  // RFC 792
  const auto tcp = quote_in(cut(tcp_packet({}), 28));
  ASSERT_TRUE(tcp);
  EXPECT_EQ(tcp->source, 0x0a010005u);
  EXPECT_EQ(tcp->destination, 0x0a020009u);
  EXPECT_EQ(tcp->source_port, 40000);
  EXPECT_EQ(tcp->destination_port, 443);
  EXPECT_EQ(tcp->protocol, 6);
  const auto udp = quote_in(udp_packet({.ip_options = {148, 4, 0, 0}, .payload = {1}}));
  ASSERT_TRUE(udp);
  EXPECT_EQ(udp->destination_port, 443);
  const auto echo = quote_in(icmp_packet({.source_port = 5}));
  ASSERT_TRUE(echo);
  EXPECT_EQ(echo->source_port, 5);
  EXPECT_EQ(echo->destination_port, 5);
}

TEST(ReadQuote, RefusesWhatNamesNoFlow) {
  EXPECT_FALSE(quote_in({}));
  EXPECT_FALSE(quote_in(cut(tcp_packet({}), 27)));
  EXPECT_FALSE(quote_in(cut(tcp_packet({}), 10)));
  EXPECT_FALSE(quote_in(ip_packet({.flags_offset = 1}, 6, Bytes(8))));
  EXPECT_FALSE(quote_in(icmp_packet({.icmp_type = IcmpHeader::kTimeExceeded})));
  Bytes version = tcp_packet({});
  version[0] = 0x65;
  EXPECT_FALSE(quote_in(version));
  version[0] = 0x41;
  EXPECT_FALSE(quote_in(version));
  version[0] = 0x4f;
  EXPECT_FALSE(quote_in(version));
}

}  // namespace
}  // namespace farspan::dataplane
