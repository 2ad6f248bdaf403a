// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/segment.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "farspan/dataplane/packet/packet_fixture.h"
#include "farspan/dataplane/packet/parse.h"

namespace farspan::dataplane {
namespace {

using namespace fixture;
using net::Ipv4Header;
using net::TcpHeader;

// A train over `bytes`; its payload is cut into random pieces, as after coalescing.
void lay_train(Bytes& bytes, uint16_t segment_size, std::mt19937& random, SuperPacket& view) {
  ASSERT_EQ(parse(bytes, view), std::nullopt);
  view.checksum = Checksum::kPartial;
  view.segment_size = segment_size;
  uint8_t* at = bytes.data() + view.header_length;
  uint32_t left = view.payload_length;
  view.piece_count = 0;
  while (left > 0) {
    const bool is_last = view.piece_count + 1 == SuperPacket::kMaxPieces;
    const auto length =
        is_last ? left : std::min<uint32_t>(left, static_cast<uint32_t>(1 + random() % 3000));
    view.pieces[view.piece_count++] = {at, length};
    at += length;
    left -= length;
  }
}

// What Segmenter writes in runs of at most `longest` packets, `gap` bytes between two of them.
std::vector<Bytes> written_in_runs(Segmenter segments, uint32_t longest, uint32_t gap) {
  std::vector<Bytes> packets;
  while (segments.remaining() > 0) {
    const uint32_t count = std::min(segments.alike(), longest), length = segments.next_length();
    const uint32_t stride = length + gap;
    Bytes run(size_t{count - 1} * stride + length, 0xEE);
    segments.write(run.data(), count, stride);
    for (uint32_t i = 0; i < count; ++i) {
      const auto at = run.begin() + i * stride;
      packets.emplace_back(at, at + length);
      if (i > 0 && std::any_of(at - gap, at, [](uint8_t byte) { return byte != 0xEE; })) return {};
    }
  }
  return packets;
}

TEST(Segmenter, SplitsTcpAsTheSenderWouldHave) {  // RFC 9293; RFC 3168 §6.1.2 for CWR
  std::mt19937 random(1);
  PacketSpec spec;
  spec.tcp_flags = TcpHeader::kAck | TcpHeader::kPsh | TcpHeader::kFin | TcpHeader::kCwr;
  spec.sequence = 0xfffffff0;  // wraps inside the train
  spec.id = 0xfffe;
  spec.tcp_options = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
  spec.payload = random_bytes(random, 3333);
  Bytes train = tcp_packet(spec);
  SuperPacket view;
  lay_train(train, 1000, random, view);
  const auto packets = written_by(Segmenter(view));
  ASSERT_EQ(packets.size(), 4u);
  for (size_t i = 0; i < packets.size(); ++i) {
    PacketSpec want = spec;
    want.id = static_cast<uint16_t>(spec.id + i);
    want.sequence = static_cast<uint32_t>(spec.sequence + 1000 * i);
    want.tcp_flags = TcpHeader::kAck;
    if (i == 0) want.tcp_flags |= TcpHeader::kCwr;
    if (i == 3) want.tcp_flags |= TcpHeader::kPsh | TcpHeader::kFin;
    const auto from = spec.payload.begin() + static_cast<ptrdiff_t>(1000 * i);
    want.payload = Bytes(from, i == 3 ? spec.payload.end() : from + 1000);
    EXPECT_EQ(packets[i], tcp_packet(want)) << i;
  }
}

TEST(Segmenter, SplitsUdpIntoDatagrams) {
  std::mt19937 random(2);
  PacketSpec spec;
  spec.payload = random_bytes(random, 2500);
  Bytes train = udp_packet(spec);
  SuperPacket view;
  lay_train(train, 1200, random, view);
  const auto packets = written_by(Segmenter(view));
  ASSERT_EQ(packets.size(), 3u);
  for (size_t i = 0; i < packets.size(); ++i) {
    PacketSpec want = spec;
    want.id = static_cast<uint16_t>(spec.id + i);
    const auto from = spec.payload.begin() + static_cast<ptrdiff_t>(1200 * i);
    want.payload = Bytes(from, i == 2 ? spec.payload.end() : from + 1200);
    EXPECT_EQ(packets[i], udp_packet(want)) << i;
  }
}

TEST(Segmenter, WritesAPlainPacketAsItIs) {
  Bytes packet = tcp_packet({.payload = {1, 2, 3, 4, 5}});
  packet[36] ^= 0xff;  // a wrong checksum is the host's business
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  EXPECT_EQ(written_by(Segmenter(view)), std::vector<Bytes>{packet});
}

TEST(Segmenter, CompletesAPartialChecksumWhateverTheFieldHolds) {
  for (const bool is_tcp : {true, false}) {
    const PacketSpec spec{.payload = {1, 2, 3, 4, 5}};
    const Bytes want = is_tcp ? tcp_packet(spec) : udp_packet(spec);
    Bytes packet = want;
    net::store_be16(&packet[20 + (is_tcp ? 16 : 6)], 0xdead);
    SuperPacket view;
    ASSERT_EQ(parse(packet, view), std::nullopt);
    view.checksum = Checksum::kPartial;
    EXPECT_EQ(written_by(Segmenter(view)), std::vector<Bytes>{want});
  }
}

TEST(Segmenter, WritesAllOnesWhereAUdpChecksumIsZero) {  // RFC 768
  PacketSpec spec{.payload = {0, 0}};
  Bytes packet = udp_packet(spec);
  spec.payload = {packet[26], packet[27]};  // its own checksum as payload makes the sum zero
  packet = udp_packet(spec);
  SuperPacket view;
  ASSERT_EQ(parse(packet, view), std::nullopt);
  view.checksum = Checksum::kPartial;
  const auto written = written_by(Segmenter(view));
  EXPECT_EQ(net::load_be16(&written[0][26]), 0xffff);
}

TEST(Segmenter, RandomTrainsKeepEveryByteAndHaveRightChecksums) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    PacketSpec spec;
    spec.id = static_cast<uint16_t>(random());
    spec.sequence = static_cast<uint32_t>(random());
    spec.tcp_options = Bytes(4 * (random() % 11), 1);
    spec.payload = random_bytes(random, 1 + random() % 20000);
    const bool is_tcp = random() % 2 == 0;
    Bytes train = is_tcp ? tcp_packet(spec) : udp_packet(spec);
    const auto segment = static_cast<uint16_t>(48 + random() % 3000);
    SuperPacket view;
    lay_train(train, segment, random, view);
    Bytes payload;
    const auto packets = written_by(Segmenter(view));
    ASSERT_EQ(packets.size(), view.wire_packets());
    const auto longest = static_cast<uint32_t>(1 + random() % 50);
    const auto gap = static_cast<uint32_t>(random() % 40);
    ASSERT_EQ(written_in_runs(Segmenter(view), longest, gap), packets);
    for (const Bytes& packet : packets) {
      ASSERT_TRUE(has_right_checksums(packet));
      payload.insert(payload.end(), packet.begin() + view.header_length, packet.end());
    }
    ASSERT_EQ(payload, spec.payload);
  }
}

TEST(LongestWirePacket, OfATrainIsItsFirstSegment) {
  std::mt19937 random(4);
  Bytes train = tcp_packet({.payload = Bytes(5000)});
  SuperPacket view;
  lay_train(train, 1448, random, view);
  EXPECT_EQ(longest_wire_packet(view), 1488u);
  view.segment_size = 0;
  EXPECT_EQ(longest_wire_packet(view), 5040u);
}

}  // namespace
}  // namespace farspan::dataplane
