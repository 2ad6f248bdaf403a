// SPDX-License-Identifier: Apache-2.0
// Damaged frames and trains: whatever comes in, every wire packet is accounted for and nothing is
// written that an independent reader would not take for IPv4.
#include <farspan/v1/tables.pb.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/packet/rig.h"

namespace farspan::dataplane::testing {
namespace {

using Random = World;

void damage(Bytes& bytes, std::mt19937_64& rng) {
  for (uint64_t i = rng() % 4; i > 0 && !bytes.empty(); --i) {
    bytes[rng() % bytes.size()] = static_cast<uint8_t>(rng());
  }
  if (rng() % 8 == 0) bytes.resize(rng() % (bytes.size() + 1));
}

Bytes some_packet(std::mt19937_64& rng) {
  const char* const addresses[] = {"10.1.0.5", "10.1.0.6",   "10.1.0.1",    "10.1.0.9",
                                   "10.2.0.5", "172.16.0.5", "198.51.100.1"};
  Ip ip{.source = "10.1.0.5", .destination = addresses[rng() % std::size(addresses)]};
  ip.ttl = rng() % 8 == 0 ? 1 : 64;
  ip.has_df = rng() % 2 == 0;
  ip.tos = static_cast<uint8_t>(rng());
  const std::string payload(rng() % 1800, 'r');
  switch (rng() % 4) {
    case 0:
      return udp(ip, static_cast<uint16_t>(rng() % 50), 53, payload);
    case 1:
      return tcp(
          ip,
          {.source_port = static_cast<uint16_t>(rng() % 50), .flags = static_cast<uint8_t>(rng())},
          payload);
    case 2:
      return echo(ip, rng() % 2 == 0, 7, payload);
    default:
      return icmp_error(ip, 3, static_cast<uint8_t>(rng() % 5),
                        udp({ip.destination, ip.source}, 53, 7, payload));
  }
}

void expect_readable(TestNode& node) {
  for (const uint32_t port : {5u, 6u}) {
    for (const Written& write : node.writes_of(port)) {
      const std::string text = text_of(write.packet, write.is_partial());
      EXPECT_EQ(text.find("BAD IP CHECKSUM"), std::string::npos) << text;
      EXPECT_EQ(text.find("LENGTH"), std::string::npos) << text;
    }
  }
}

TEST_F(Random, DamagedFramesAreAccountedFor) {
  std::mt19937_64 rng(791);
  for (int i = 0; i < 20'000; ++i) {
    Bytes packet = some_packet(rng);
    if (rng() % 4 == 0) packet = fragments_of(packet, 8 * (1 + rng() % 100)).at(0);
    Bytes bytes = frame(packet);
    if (rng() % 2 == 0) damage(bytes, rng);
    VirtioHeader virtio;
    if (rng() % 4 == 0) {
      virtio = {.flags = static_cast<uint8_t>(rng() % 4),
                .gso_type = static_cast<uint8_t>(rng() % 6),
                .header_length = static_cast<uint16_t>(rng() % 100),
                .gso_size = static_cast<uint16_t>(rng() % 1500),
                .checksum_start = static_cast<uint16_t>(34 + rng() % 3),
                .checksum_offset = static_cast<uint16_t>(rng() % 2 == 0 ? 16 : 6)};
    }
    berlin.from_instance(5, bytes, virtio);
    carry(berlin, osaka);
    if (i % 16 == 0) berlin.advance(std::chrono::milliseconds(500));
    ASSERT_EQ(berlin.unaccounted(), 0) << "frame " << i;
    ASSERT_EQ(osaka.unaccounted(), 0) << "frame " << i;
    expect_readable(berlin);
    expect_readable(osaka);
  }
  EXPECT_GT(berlin.count(Counter::kToLink), 500u) << "the test must also let packets through";
  EXPECT_GT(osaka.count(Counter::kToPort), 500u);
}

TEST_F(Random, DamagedTrainsAreAccountedFor) {
  std::mt19937_64 rng(4303);
  for (int i = 0; i < 5'000; ++i) {
    berlin.from_instance(5, frame(some_packet(rng)));
    auto trains = berlin.sent();
    for (Sent& train : trains) {
      if (rng() % 2 == 0) damage(train.bytes, rng);
      if (rng() % 4 == 0) train.segment_size = static_cast<uint32_t>(1 + rng() % 2000);
      if (rng() % 8 == 0) train.destination.port = rng() % 2 == 0 ? 500 : 0;
      train.tos = static_cast<uint8_t>(rng());
    }
    osaka.from_wire(trains);
    ASSERT_EQ(osaka.unaccounted(), 0) << "train " << i;
    expect_readable(osaka);
  }
  EXPECT_GT(osaka.count(Counter::kToPort), 100u);
}

// The IPv4 header says `length`, and its checksum is right (RFC 791 §3.1).
void set_total_length(Bytes& packet, uint16_t length) {
  packet[2] = static_cast<uint8_t>(length >> 8);
  packet[3] = static_cast<uint8_t>(length);
  packet[10] = packet[11] = 0;
  uint32_t sum = 0;
  for (size_t i = 0; i < size_t{packet[0]} % 16 * 4; i += 2)
    sum += static_cast<uint32_t>(packet[i] << 8 | packet[i + 1]);
  sum = sum % 0xffff == 0 ? 0xffff : sum % 0xffff;
  packet[10] = static_cast<uint8_t>(~sum >> 8);
  packet[11] = static_cast<uint8_t>(~sum);
}

// What an instance sends again and again, now and then with something about it that is not usual.
TestNode::Frame vary(std::mt19937_64& rng) {
  const auto rarely = [&](auto unusual, auto usual) { return rng() % 16 == 0 ? unusual : usual; };
  const auto source_port = static_cast<uint16_t>(40 + rng() % 6);
  const bool is_echo = source_port == 45;
  const bool is_tcp = source_port == 44 ? rng() % 2 == 0 : source_port % 2 == 0;
  Ip ip{.source = "10.1.0.5", .destination = rarely("172.16.0.5", "10.2.0.5")};
  ip.ttl = static_cast<uint8_t>(rarely(rng() % 3, uint64_t{64}));
  ip.tos = static_cast<uint8_t>(rarely(rng(), uint64_t{0}));
  ip.has_df = source_port % 3 == 0;
  ip.id = static_cast<uint16_t>(rng());
  const std::string payload(rng() % rarely(1800u, 1300u), 'v');
  const auto flags = static_cast<uint8_t>(rarely(rng(), uint64_t{0x10 | (rng() % 2) << 3}));
  Bytes packet = is_echo  ? echo(ip, true, static_cast<uint16_t>(rng() % 3), payload)
                 : is_tcp ? tcp(ip, {source_port, 53, 1000, 1, flags}, payload)
                          : udp(ip, source_port, 53, payload);
  if (is_echo) packet[22] = packet[23] = 0;  // the same with every identifier; nobody looks
  if (rng() % 32 == 0) set_total_length(packet, static_cast<uint16_t>(20 + rng() % 32));
  if (rng() % 32 == 0) packet[10 + rng() % 2] ^= static_cast<uint8_t>(1 << rng() % 8);
  if (rng() % 16 == 0 && is_tcp) packet[32] = static_cast<uint8_t>(rng());  // its own length
  if (rng() % 16 == 0 && !is_tcp) {
    packet[24] = static_cast<uint8_t>(rng() % 3);
    packet[25] = static_cast<uint8_t>(rng() % 16);
  }
  if (rng() % 32 == 0 || (source_port == 43 && rng() % 2 == 0))
    packet = with_options(packet, Bytes(4, rng() % 2));
  if (rng() % 32 == 0) packet = fragments_of(packet, 8 * (1 + rng() % 100)).at(0);
  TestNode::Frame made{frame(packet, rarely(uint16_t{0x86dd}, uint16_t{0x0800})), {}};
  if (rng() % 32 == 0) made.bytes.resize(made.bytes.size() + rng() % 20);
  if (rng() % 16 == 0) damage(made.bytes, rng);
  if (rng() % 2 == 0) {
    made.virtio = {.flags = static_cast<uint8_t>(rarely(rng() % 4, uint64_t{1})),
                   .gso_type = static_cast<uint8_t>(rarely(rng() % 6, uint64_t{0})),
                   .header_length = static_cast<uint16_t>(rarely(2000, 42)),
                   .gso_size = 500,
                   .checksum_start = static_cast<uint16_t>(rarely(35, 34)),
                   .checksum_offset = static_cast<uint16_t>(rarely(7, is_tcp ? 16 : 6))};
  }
  return made;
}

/// Everything that may be seen of a node from outside.
std::vector<std::string> seen_at(TestNode& node) {
  std::vector<std::string> seen;
  for (const uint32_t port : {5u, 6u}) {
    for (const std::string& text : node.taken_from(port)) seen.push_back(text);
    const InterfaceCounters& counted = node.counters_of(port);
    seen.push_back(std::to_string(counted.packets_in.value()) + " " +
                   std::to_string(counted.bytes_in.value()));
  }
  for (size_t i = 0; i < kCounterNames.size(); ++i)
    seen.push_back(std::to_string(node.count(static_cast<Counter>(i))));
  for (size_t i = 0; i < kDropReasonCount; ++i)
    seen.push_back(std::to_string(node.dropped(static_cast<DropReason>(i))));
  for (const Flow& flow : node.flows()) {
    std::string row = std::to_string(flow.ends[0]) + " " + std::to_string(flow.ends[1]) + " " +
                      std::to_string(static_cast<int>(flow.state)) + " " +
                      std::to_string(flow.last_seen.count());
    for (const FlowCounters& counted : flow.counters)
      row += " " + std::to_string(counted.packets) + "/" + std::to_string(counted.bytes);
    seen.push_back(row);
  }
  return seen;
}

class Twin final : public World {
 public:
  void TestBody() override {}
  using World::berlin, World::carry, World::osaka;

  /// What `from` has sent, a wire packet a batch.
  static void carry_singly(TestNode& from, TestNode& to) {
    for (const Sent& train : from.sent()) {
      for (size_t at = 0; at < train.bytes.size(); at += train.segment_size) {
        const auto length = std::min<size_t>(train.segment_size, train.bytes.size() - at);
        Sent one = train;
        one.bytes.assign(&train.bytes[at], &train.bytes[at] + length);
        one.segment_size = static_cast<uint32_t>(length);
        to.from_wire({one});
      }
    }
  }

  /// An answer to one of the TCP flows, or what closes it.
  void answer(uint16_t port, uint8_t flags) {
    const Ip ip{.source = "10.2.0.5", .destination = "10.1.0.5"};
    osaka.from_instance(5, frame(tcp(ip, {53, port, 1000, 1, flags}, "yes")));
    carry(osaka, berlin);
  }
  /// Berlin's underlay carries `mtu` from now on, as a packet to each peer finds out and the kernel
  /// says.
  void set_underlay_mtu(uint32_t mtu) {
    berlin.underlay_mtu = mtu;
    berlin.send_verdict = io::SendVerdict::kTooBig;
    for (const char* to : {"10.2.0.5", "172.16.0.5"})
      berlin.from_instance(5, frame(udp({.source = "10.1.0.5", .destination = to}, 41, 53, "?")));
    berlin.change_routes();
    berlin.send_verdict = io::SendVerdict::kSent;
    berlin.advance(std::chrono::seconds(1));
  }
  /// Berlin's tables, with or without the way to osaka.
  void program(bool has_way) {
    berlin.program([&](v1::TablesBatch& batch) {
      plain_tables(
          batch, "10.1.0",
          {{has_way ? "10.2.0.0/24" : "172.18.0.0/24", kLink}, {"172.16.0.0/24", kOffice}});
      allow_from(batch, "0.0.0.0/0");
    });
  }
};

// Two laws in one: packets that go through the stages together leave, end and count as they do one
// by one; and what a flow remembers of its way out is what asking again says.
TEST(Bursts, ComeToWhatSinglePacketsComeToThatAskEverything) {
  Twin together, singly;
  singly.berlin.forgets_ways = true;
  std::mt19937_64 rng(1812);
  for (int i = 0; i < 8'000; ++i) {
    std::vector<TestNode::Frame> burst;
    for (uint64_t more = 1 + rng() % 6; more > 0; --more) burst.push_back(vary(rng));
    const uint32_t port = rng() % 32 == 0 ? 6 : 5;  // which must not send from the other's address
    const uint64_t what_else = rng() % 200;
    together.berlin.burst_from_instance(port, burst);
    for (const TestNode::Frame& one : burst)
      singly.berlin.from_instance(port, one.bytes, one.virtio);
    for (Twin* twin : {&together, &singly}) {
      twin->carry_singly(twin->berlin, twin->osaka);
      if (what_else < 20) {
        twin->answer(static_cast<uint16_t>(40 + 2 * (what_else % 3)),
                     what_else < 3 ? uint8_t{0x11} : uint8_t{0x10});
      } else if (what_else < 40) {
        twin->berlin.advance(std::chrono::milliseconds(100 * what_else));
      } else if (what_else == 40) {
        twin->berlin.advance(std::chrono::minutes(20));  // all flows end
      } else if (what_else < 43) {
        twin->set_underlay_mtu(what_else == 41 ? 1000 : 1500);
      } else if (what_else < 46) {
        twin->program(what_else > 43);
      } else if (what_else == 46) {  // no packet was too big, but the kernel says so
        twin->berlin.change_routes();
        twin->berlin.underlay_mtu = 1000;
        twin->berlin.advance(std::chrono::seconds(11));
      }
    }
    ASSERT_EQ(seen_at(together.berlin), seen_at(singly.berlin)) << "burst " << i;
    ASSERT_EQ(seen_at(together.osaka), seen_at(singly.osaka)) << "burst " << i;
  }
  EXPECT_GT(together.osaka.count(Counter::kToPort), 1'000u);
}

}  // namespace
}  // namespace farspan::dataplane::testing
