// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/coalesce.h"

#include <gtest/gtest.h>

#include <deque>

#include "farspan/dataplane/packet/packet_fixture.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/packet/segment.h"

namespace farspan::dataplane {
namespace {

using namespace fixture;
using net::TcpHeader;

// Packets through one batch of the coalescer, as the pipeline drives it.
class Batch {
 public:
  void add(const Bytes& packet, uint64_t ingress = 1) {
    buffers_.push_back(packet);
    SuperPacket& view = views_.emplace_back();
    ASSERT_EQ(parse(buffers_.back(), view), std::nullopt);
    if (coalescer_.absorb(view, ingress)) views_.pop_back();
  }
  std::deque<SuperPacket>& finish() {
    coalescer_.finish();
    return views_;
  }
  std::vector<Bytes> segmented() {
    std::vector<Bytes> all;
    for (const SuperPacket& view : finish()) {
      for (Bytes& packet : written_by(Segmenter(view))) all.push_back(std::move(packet));
    }
    return all;
  }

 private:
  Coalescer coalescer_;
  std::deque<Bytes> buffers_;
  std::deque<SuperPacket> views_;
};

PacketSpec segment(uint32_t index, size_t length = 1000) {
  PacketSpec spec;
  spec.sequence = static_cast<uint32_t>(1000 + 1000 * index);
  spec.id = static_cast<uint16_t>(77 + index);
  spec.payload = Bytes(length, static_cast<uint8_t>(index));
  return spec;
}

// Every packet in a buffer of its own, but the last two, which came in one.
TEST(Coalescer, ATrainHoldsTheBuffersOfItsPackets) {
  io::BufferPool pool({.small = 4, .large = 1});
  Coalescer coalescer;
  SuperPacket head, next;
  for (uint32_t i = 0; i < 5; ++i) {
    PacketSpec spec = segment(i, 300);
    spec.sequence = 1000 + 300 * i;
    const Bytes bytes = tcp_packet(spec);
    SuperPacket& view = i == 0 ? head : next;
    const bool shares = i == 4;
    view.buffer = shares ? head.merged[2].share() : pool.take_small();
    uint8_t* const at = view.buffer.room() + (shares ? 800 : 0);
    std::copy(bytes.begin(), bytes.end(), at);
    ASSERT_EQ(parse({at, bytes.size()}, view), std::nullopt);
    ASSERT_EQ(coalescer.absorb(view, 1), i > 0);
  }
  coalescer.finish();
  EXPECT_EQ(head.wire_packets(), 5u);
  EXPECT_EQ(head.merged_count, 3);
  EXPECT_FALSE(next.buffer);
  EXPECT_EQ(pool.free_small(), 0u);
  head.release();
  EXPECT_EQ(pool.free_small(), 4u);
}

TEST(Coalescer, MakesOneTrainOfConsecutiveSegments) {
  Batch batch;
  std::vector<Bytes> sent;
  for (uint32_t i = 0; i < 4; ++i) {
    PacketSpec spec = segment(i, i == 3 ? 400 : 1000);
    if (i == 3) spec.tcp_flags |= TcpHeader::kPsh;
    sent.push_back(tcp_packet(spec));
    batch.add(sent.back());
  }
  auto& trains = batch.finish();
  ASSERT_EQ(trains.size(), 1u);
  const SuperPacket& train = trains[0];
  EXPECT_EQ(train.segment_size, 1000);
  EXPECT_EQ(train.payload_length, 3400u);
  EXPECT_EQ(train.wire_packets(), 4u);
  EXPECT_EQ(train.checksum, Checksum::kPartial);
  EXPECT_EQ(train.parsed.tcp_flags, TcpHeader::kAck | TcpHeader::kPsh);

  Bytes whole =
      bytes_of(train);  // what a device gets: total length, IPv4 checksum, pseudo-header sum
  EXPECT_EQ(net::load_be16(&whole[2]), whole.size());
  EXPECT_EQ(word_sum(whole.data(), 20), 0xffff);
  EXPECT_EQ(net::load_be16(&whole[36]), pseudo_sum(whole.data(), 6, whole.size() - 20));
  EXPECT_EQ(written_by(Segmenter(train)), sent);
}

TEST(Coalescer, ASinglePacketStaysUntouched) {
  Batch batch;
  const Bytes packet = tcp_packet(segment(0));
  batch.add(packet);
  auto& trains = batch.finish();
  ASSERT_EQ(trains.size(), 1u);
  EXPECT_EQ(trains[0].segment_size, 0);
  EXPECT_EQ(bytes_of(trains[0]), packet);
}

// Each change to the second of two segments that must keep them apart, or not.
struct Change {
  const char* what;
  void (*apply)(PacketSpec&);
  bool merges;
};

TEST(Coalescer, OnlyMergesWhatSegmentingGivesBack) {
  const Change changes[] = {
      {"nothing", [](PacketSpec&) {}, true},
      {"PSH", [](PacketSpec& s) { s.tcp_flags |= TcpHeader::kPsh; }, true},
      {"id with DF", [](PacketSpec& s) { s.id = 0; }, true},
      {"shorter", [](PacketSpec& s) { s.payload.resize(1); }, true},
      {"longer", [](PacketSpec& s) { s.payload.resize(1001); }, false},
      {"empty", [](PacketSpec& s) { s.payload.clear(); }, false},
      {"gap", [](PacketSpec& s) { ++s.sequence; }, false},
      {"repeated", [](PacketSpec& s) { s.sequence -= 1000; }, false},
      {"acknowledgment", [](PacketSpec& s) { ++s.acknowledgment; }, false},
      {"window", [](PacketSpec& s) { ++s.window; }, false},
      {"TOS", [](PacketSpec& s) { s.tos = 3; }, false},
      {"TTL", [](PacketSpec& s) { --s.ttl; }, false},
      {"DF", [](PacketSpec& s) { s.flags_offset = 0; }, false},
      {"FIN", [](PacketSpec& s) { s.tcp_flags |= TcpHeader::kFin; }, false},
      {"SYN", [](PacketSpec& s) { s.tcp_flags |= TcpHeader::kSyn; }, false},
      {"RST", [](PacketSpec& s) { s.tcp_flags |= TcpHeader::kRst; }, false},
      {"URG", [](PacketSpec& s) { s.tcp_flags |= TcpHeader::kUrg; }, false},
      {"ECE", [](PacketSpec& s) { s.tcp_flags |= TcpHeader::kEce; }, false},
      {"CWR", [](PacketSpec& s) { s.tcp_flags |= TcpHeader::kCwr; }, false},
      {"options",
       [](PacketSpec& s) {
         s.tcp_options = {1, 1, 1, 0};
       },
       false},
      {"IP options",
       [](PacketSpec& s) {
         s.ip_options = {148, 4, 0, 0};
       },
       false},
      {"port", [](PacketSpec& s) { ++s.source_port; }, false},
      {"source", [](PacketSpec& s) { ++s.source; }, false},
  };
  for (const Change& change : changes) {
    PacketSpec second = segment(1);
    change.apply(second);
    Batch batch;
    batch.add(tcp_packet(segment(0)));
    batch.add(tcp_packet(second));
    EXPECT_EQ(batch.finish().size(), change.merges ? 1u : 2u) << change.what;
  }
}

TEST(Coalescer, TimestampOptionsMustBeTheSameBytes) {
  PacketSpec first = segment(0), second = segment(1);
  first.tcp_options = second.tcp_options = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
  Batch same, other;
  same.add(tcp_packet(first));
  same.add(tcp_packet(second));
  EXPECT_EQ(same.finish().size(), 1u);
  second.tcp_options[11] = 9;
  other.add(tcp_packet(first));
  other.add(tcp_packet(second));
  EXPECT_EQ(other.finish().size(), 2u);
}

TEST(Coalescer, WithoutDfIdsMustCount) {  // RFC 6864 §4.2
  PacketSpec first = segment(0), second = segment(1), third = segment(2);
  first.flags_offset = second.flags_offset = third.flags_offset = 0;
  third.id = second.id;
  Batch batch;
  for (const auto& spec : {first, second, third}) batch.add(tcp_packet(spec));
  EXPECT_EQ(batch.finish().size(), 2u);
}

TEST(Coalescer, DamagedSegmentsTravelAlone) {
  for (const uint32_t damaged : {0u, 1u, 2u}) {
    Batch batch;
    std::vector<Bytes> sent;
    for (uint32_t i = 0; i < 4; ++i) {
      sent.push_back(tcp_packet(segment(i)));
      if (i == damaged) sent.back()[50] ^= 1;
      batch.add(sent.back());
    }
    EXPECT_EQ(batch.segmented(), sent) << damaged;
    auto& trains = batch.finish();
    EXPECT_EQ(trains.size(), damaged == 0 ? 2u : 3u);
    EXPECT_EQ(trains[damaged == 2 ? 1 : damaged].checksum, Checksum::kUnchecked);
  }
}

TEST(Coalescer, PshAndShortSegmentsEndATrain) {
  Batch batch;
  PacketSpec pushed = segment(0);
  pushed.tcp_flags |= TcpHeader::kPsh;
  batch.add(tcp_packet(pushed));
  batch.add(tcp_packet(segment(1)));
  batch.add(tcp_packet(segment(2, 500)));
  PacketSpec after = segment(3);
  after.sequence = 3500;
  batch.add(tcp_packet(after));
  EXPECT_EQ(batch.finish().size(), 3u);
}

TEST(Coalescer, NothingOvertakesAPacketThatDoesNotMerge) {
  Batch batch;
  PacketSpec pure_ack = segment(1, 0);
  std::vector<Bytes> sent = {tcp_packet(segment(0)), tcp_packet(pure_ack), tcp_packet(segment(1))};
  for (const Bytes& packet : sent) batch.add(packet);
  EXPECT_EQ(batch.segmented(), sent);
}

TEST(Coalescer, DifferentIngressNeverMerges) {
  Batch batch;
  batch.add(tcp_packet(segment(0)), 1);
  batch.add(tcp_packet(segment(1)), 2);
  EXPECT_EQ(batch.finish().size(), 2u);
}

TEST(Coalescer, KeepsSeveralFlowsOpen) {
  Batch batch;
  for (uint32_t i = 0; i < 10; ++i) {
    for (uint16_t flow = 0; flow < Coalescer::kOpenTrains; ++flow) {
      PacketSpec spec = segment(i);
      spec.source_port = flow;
      batch.add(tcp_packet(spec));
    }
  }
  EXPECT_EQ(batch.finish().size(), size_t{Coalescer::kOpenTrains});
}

TEST(Coalescer, TrainsEndAtTheLargestPacket) {
  Batch batch;
  for (uint32_t i = 0; i < 70; ++i) batch.add(tcp_packet(segment(i)));
  auto& trains = batch.finish();
  ASSERT_EQ(trains.size(), 2u);
  EXPECT_EQ(trains[0].length(), 65040u);  // 65 segments; one more would pass 65535
  Batch small;
  for (uint32_t i = 0; i < 200; ++i) {
    PacketSpec spec = segment(i, 10);
    spec.sequence = 10 * i;
    small.add(tcp_packet(spec));
  }
  EXPECT_EQ(small.finish()[0].piece_count, SuperPacket::kMaxPieces);
}

TEST(Coalescer, MergesDatagrams) {
  PacketSpec a = segment(0), b = segment(1), c = segment(2, 10);
  Batch merging;
  std::vector<Bytes> sent = {udp_packet(a), udp_packet(b), udp_packet(c)};
  for (const Bytes& packet : sent) merging.add(packet);
  ASSERT_EQ(merging.finish().size(), 1u);
  EXPECT_EQ(merging.finish()[0].wire_packets(), 3u);
  EXPECT_EQ(merging.segmented(), sent);
}

TEST(Coalescer, UdpWithoutChecksumStaysWithout) {
  Bytes a = udp_packet(segment(0)), b = udp_packet(segment(1));
  a[26] = a[27] = b[26] = b[27] = 0;
  Batch batch;
  batch.add(a);
  batch.add(b);
  EXPECT_EQ(batch.segmented(), (std::vector<Bytes>{a, b}));
}

TEST(Coalescer, UdpTrainsHaveAtMostSixtyFourDatagrams) {
  Batch batch;
  for (uint32_t i = 0; i < 100; ++i) batch.add(udp_packet(segment(i, 100)));
  auto& trains = batch.finish();
  ASSERT_EQ(trains.size(), 2u);
  EXPECT_EQ(trains[0].wire_packets(), 64u);
}

// The law: whatever goes in comes out of Segmenter, in order within every flow.
TEST(Coalescer, SegmentingARandomBatchGivesItBack) {
  std::mt19937 random(5);
  uint32_t merged = 0;
  for (int round = 0; round < 300; ++round) {
    Batch batch;
    struct Flow {
      PacketSpec next;
      bool is_tcp;
      std::vector<Bytes> sent, received;
    };
    std::vector<Flow> flows(1 + random() % 12);
    for (size_t f = 0; f < flows.size(); ++f) {
      flows[f].is_tcp = random() % 4 != 0;
      flows[f].next.source_port = static_cast<uint16_t>(1000 + f);
      flows[f].next.sequence = static_cast<uint32_t>(random());
      flows[f].next.tcp_options = random() % 2 ? Bytes(12, 1) : Bytes();
      flows[f].next.flags_offset = random() % 2 ? net::Ipv4Header::kDontFragment : uint16_t{0};
    }
    const size_t segment_size = 1 + random() % 1400;
    for (int i = 0; i < 64; ++i) {
      Flow& flow = flows[random() % flows.size()];
      PacketSpec& next = flow.next;
      const bool is_odd = random() % 12 == 0;
      next.payload = random_bytes(random, is_odd ? random() % 1400 : segment_size);
      next.tcp_flags = TcpHeader::kAck;
      if (random() % 16 == 0) next.tcp_flags |= static_cast<uint8_t>(1u << random() % 8);
      if (random() % 32 == 0) ++next.acknowledgment;
      Bytes packet = flow.is_tcp ? tcp_packet(next) : udp_packet(next);
      if (random() % 40 == 0) packet.back() ^= 1;
      flow.sent.push_back(packet);
      batch.add(packet);
      next.sequence += static_cast<uint32_t>(next.payload.size());
      ++next.id;
      if (random() % 50 == 0) next.sequence += 7;
    }
    merged += static_cast<uint32_t>(64 - batch.finish().size());
    for (Bytes& packet : batch.segmented()) {
      flows[net::load_be16(&packet[20]) - 1000u].received.push_back(std::move(packet));
    }
    for (const Flow& flow : flows) ASSERT_EQ(flow.received, flow.sent) << round;
  }
  EXPECT_GT(merged, 5000u);  // the test is about trains
}

}  // namespace
}  // namespace farspan::dataplane
