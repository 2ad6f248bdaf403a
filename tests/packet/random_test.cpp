// SPDX-License-Identifier: Apache-2.0
// Damaged frames and trains: whatever comes in, every wire packet is accounted for and nothing is
// written that an independent reader would not take for IPv4.
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

}  // namespace
}  // namespace farspan::dataplane::testing
