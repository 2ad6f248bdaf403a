// SPDX-License-Identifier: Apache-2.0
// fuzz_peer: what a peer with the right keys sends, through the whole pipeline and on to the next
// node, and what becomes of the answers.
//
//   paris ═GCM═╗
//               berlin ═══link═══ osaka ═CBC+HMAC═ kyoto
//   rome ═CBC══╝
//
// The first byte chooses the suite of the link, then follow steps: [from][how][ends][length 2]
// [bytes …], the bytes being an inner packet or edits of the one before, [place, 2 bytes][byte]
// each. A `how` of 128 sends the packet 256 times, once of each protocol number. Everything is
// sealed with real SAs, and every train is carried to whom it is for until the network is at rest.
// Laws, after each input:
//
//   - it came to rest: nothing goes round for ever
//   - every node accounts for every packet (the law of pipeline.h), and broke no invariant
//   - what the next instance sends still arrives
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "farspan/net/checksum.h"
#include "farspan/net/headers.h"
#include "tests/packet/rig.h"

namespace farspan::dataplane::testing {
namespace {

using net::Ipv4Header;

constexpr uint32_t kRome = 2;  // its tunnel in berlin
constexpr size_t kIp = sizeof(Ipv4Header), kVirtio = sizeof(VirtioHeader), kEthernet = 14;
constexpr uint8_t kNextHeaderIpv4 = 4, kNextHeaderMpls = 137;
constexpr const char* kEnds[] = {"10.1.0.5",   "10.1.0.6",   "10.1.0.1",     "10.1.0.99",
                                 "10.2.0.5",   "10.2.0.1",   "172.16.0.5",   "172.16.0.1",
                                 "172.18.0.5", "172.19.0.5", "198.51.100.1", "127.0.0.1",
                                 "224.0.0.1",  "192.0.2.1"};

void require(bool holds) {
  if (!holds) std::abort();
}

/// A step of the input, as it stands there.
struct Step {
  enum class From : uint8_t { kParis, kRome, kKyoto, kOsaka, kBerlin, kInstance, kTime, kStranger };
  From from;
  bool is_edit, fix_network, fix_transport, is_train, is_marked, is_cut, has_odd_header,
      is_of_each_protocol;
  uint8_t source, destination;  // of kEnds; beyond them: as the bytes have it
  std::span<const uint8_t> bytes;
};

std::optional<Step> take_step(std::span<const uint8_t>& input) {
  constexpr size_t kFixed = 5;
  if (input.size() < kFixed) return std::nullopt;
  const uint8_t from = input[0], how = input[1], ends = input[2];
  const size_t length =
      std::min<size_t>(net::load_be16(input.data() + 3) & 0x07ff, input.size() - kFixed);
  Step step{.from = static_cast<Step::From>(from & 7),
            .is_edit = (how & 1) != 0,
            .fix_network = (how & 2) == 0,
            .fix_transport = (how & 4) == 0,
            .is_train = (how & 8) != 0,
            .is_marked = (how & 16) != 0,
            .is_cut = (how & 32) != 0,
            .has_odd_header = (how & 64) != 0,
            .is_of_each_protocol = how == 128,  // rarely: it takes as long as 256 others
            .source = static_cast<uint8_t>(ends >> 4),
            .destination = static_cast<uint8_t>(ends & 15),
            .bytes = input.subspan(kFixed, length)};
  input = input.subspan(kFixed + length);
  return step;
}

void put_end(uint8_t* at, uint8_t end) {
  if (end < std::size(kEnds)) net::store_be32(at, address_of(kEnds[end]));
}

void fix_transport(std::span<uint8_t> packet) {
  const size_t header = size_t{packet[0] & 15u} * 4;
  if (header < kIp || header + 8 > packet.size()) return;
  const auto transport = packet.subspan(header);
  const auto length = static_cast<uint16_t>(transport.size());
  const uint8_t protocol = packet[9];
  const size_t field = protocol == net::protocol::kTcp   ? 16
                       : protocol == net::protocol::kUdp ? 6
                                                         : 2;
  if (field + 2 > transport.size()) return;
  if (protocol == net::protocol::kUdp) net::store_be16(&transport[4], length);
  net::store_be16(&transport[field], 0);
  net::InternetSum sum;
  if (protocol != net::protocol::kIcmp) {
    sum.add(packet.data() + 12, 8);
    sum.add16(protocol);
    sum.add16(length);
  }
  sum.add(transport.data(), transport.size());
  net::store_be16(&transport[field], sum.checksum());
}

// Makes true what is asked to be true.
void finish(const Step& step, std::span<uint8_t> packet) {
  if (packet.size() < kIp) return;
  put_end(&packet[12], step.source);
  put_end(&packet[16], step.destination);
  if (step.fix_transport) fix_transport(packet);
  if (!step.fix_network) return;
  const size_t header = size_t{packet[0] & 15u} * 4;
  net::store_be16(&packet[2], static_cast<uint16_t>(packet.size()));
  net::store_be16(&packet[10], 0);
  if (header >= kIp && header <= packet.size())
    net::store_be16(&packet[10], net::internet_checksum(packet.data(), header));
}

// The packet, or what a host makes of it: a burst of a flow, or fragments.
std::vector<Bytes> wire_packets(const Step& step, const Bytes& packet) {
  if (step.is_of_each_protocol && packet.size() >= kIp) {
    std::vector<Bytes> packets(256, packet);
    for (size_t protocol = 0; protocol < packets.size(); ++protocol) {
      packets[protocol][9] = static_cast<uint8_t>(protocol);
      finish(step, packets[protocol]);
    }
    return packets;
  }
  if (step.is_cut && packet.size() > kIp + 8) {
    const size_t part = std::max<size_t>((packet.size() - kIp) / 3 / 8 * 8, 8);
    return fragments_of(packet, part);
  }
  std::vector<Bytes> packets(1, packet);
  for (uint16_t i = 1; step.is_train && i < 5 && packet.size() >= kIp + 20; ++i) {
    Bytes next = packets.back();
    const auto payload = static_cast<uint32_t>(next.size() - kIp - 20);
    net::store_be16(&next[4], static_cast<uint16_t>(net::load_be16(&next[4]) + 1));
    if (next[9] == net::protocol::kTcp)
      net::store_be32(&next[kIp + 4], net::load_be32(&next[kIp + 4]) + payload);
    finish(step, next);
    packets.push_back(std::move(next));
  }
  return packets;
}

class Network {
 public:
  explicit Network(crypto::Suite link) {
    constexpr crypto::Suite kCbc{crypto::Cipher::kAesCbc128, crypto::Integrity::kHmacSha256_128};
    const auto fill = [](const std::string& own, std::map<std::string, uint32_t> tunnels) {
      return [=](v1::TablesBatch& batch) {
        plain_tables(batch, own, tunnels);
        allow_from(batch, "0.0.0.0/0");
      };
    };
    berlin_.program(fill("10.1.0", {{"10.2.0.0/24", kLink},
                                    {"172.18.0.0/24", kLink},
                                    {"172.16.0.0/24", kOffice},
                                    {"172.19.0.0/24", kRome}}));
    osaka_.program(fill("10.2.0", {{"10.1.0.0/24", kLink},
                                   {"172.16.0.0/24", kLink},
                                   {"172.19.0.0/24", kLink},
                                   {"172.18.0.0/24", kOffice}}));
    for (auto [node, own] :
         {std::pair{&paris_, "172.16.0"}, {&rome_, "172.19.0"}, {&kyoto_, "172.18.0"}})
      node->program(fill(own, {{"10.0.0.0/8", kOffice}, {"172.16.0.0/12", kOffice}}));
    connect(berlin_, kLink, osaka_, kLink, {.suite = link});
    connect(berlin_, kOffice, paris_, kOffice);
    connect(berlin_, kRome, rome_, kOffice, {.suite = kCbc});
    connect(osaka_, kOffice, kyoto_, kOffice, {.suite = kCbc, .is_udp = false});
  }

  void take(std::span<const uint8_t> input) {
    Bytes packet;
    while (const auto step = take_step(input)) {
      if (step->is_edit) {
        for (auto edits = step->bytes; edits.size() >= 3 && !packet.empty();
             edits = edits.subspan(3))
          packet[net::load_be16(edits.data()) % packet.size()] = edits[2];
      } else {
        packet.assign(step->bytes.begin(), step->bytes.end());
      }
      do_step(*step, packet);
    }
    forget();
    for (const TestNode* node : nodes_) {
      require(node->unaccounted() == 0);
      require(node->dropped(DropReason::kBrokenInvariant) == 0);
    }
    berlin_.from_instance(5, frame(udp({"10.1.0.5", "10.2.0.5"}, 7, 7, "still here")));
    carry();
    const auto arrived = osaka_.taken_from(5);
    require(arrived.size() == 1 && arrived[0].ends_with("udp 7 > 7 \"still here\""));
    forget();
  }

 private:
  void do_step(const Step& step, Bytes& packet) {
    using enum Step::From;
    switch (step.from) {
      case kParis:
        return send(step, packet, paris_, kOffice);
      case kRome:
        return send(step, packet, rome_, kOffice);
      case kKyoto:
        return send(step, packet, kyoto_, kOffice);
      case kOsaka:
        return send(step, packet, osaka_, kLink);
      case kBerlin:
        return send(step, packet, berlin_, kLink);
      case kInstance:
        return send_frame(step, packet);
      case kTime:
        for (TestNode* node : nodes_) node->advance(std::chrono::milliseconds(packet.size() * 100));
        return;
      case kStranger:
        return send_datagram(step, packet);
    }
  }
  // In front of a packet for a link stands its label: the VRF's, or four bytes of the input.
  void send(const Step& step, Bytes& packet, TestNode& peer, uint32_t tunnel) {
    const bool is_link = tunnel == kLink;
    if (is_link && step.has_odd_header) packet.resize(std::max<size_t>(packet.size(), 4));
    const size_t label = is_link && step.has_odd_header ? 4 : 0;
    finish(step, std::span(packet).subspan(label));
    std::vector<Bytes> inner;
    for (Bytes& one :
         wire_packets(step, {packet.begin() + static_cast<long>(label), packet.end()})) {
      if (label != 0) one.insert(one.begin(), packet.begin(), packet.begin() + 4);
      inner.push_back(is_link && label == 0 ? labelled(one, kLabel) : std::move(one));
    }
    uint8_t next_header = is_link ? kNextHeaderMpls : kNextHeaderIpv4;
    if (!is_link && step.has_odd_header) next_header = packet.empty() ? 59 : packet[0];
    for (const Bytes& one : inner) {
      if (step.is_of_each_protocol) deliver(step, peer.seal_train(tunnel, {one}, next_header));
    }
    if (!step.is_of_each_protocol) deliver(step, peer.seal_train(tunnel, inner, next_header));
    carry();
  }
  void deliver(const Step& step, Sent train) {
    if (step.is_marked) train.tos = 3;
    deliver({std::move(train)});
  }
  void send_frame(const Step& step, Bytes& packet) {
    if (packet.size() < kVirtio + kEthernet) return;
    std::array<uint8_t, kVirtio> virtio;
    std::copy_n(packet.begin(), kVirtio, virtio.begin());
    finish(step, std::span(packet).subspan(kVirtio + kEthernet));
    berlin_.from_instance(5, Bytes(packet.begin() + kVirtio, packet.end()),
                          virtio_header_from(virtio));
    carry();
  }
  // Nothing it says is sealed. Its first byte chooses the port.
  void send_datagram(const Step& step, const Bytes& packet) {
    if (packet.size() < 2) return;
    constexpr uint16_t kPorts[] = {4500, 500, 0};
    const uint16_t port = kPorts[packet[0] % 3];
    const auto length = static_cast<uint32_t>(packet.size() - 1);
    deliver({{.source = {address_of("198.51.100.9"), port},
              .destination = {berlin_.underlay, port},
              .tos = 0,
              .segment_size = step.is_train ? std::max(length / 3, 1u) : length,
              .bytes = Bytes(packet.begin() + 1, packet.end())}});
    carry();
  }

  bool deliver(const std::vector<Sent>& trains) {
    for (TestNode* node : nodes_) {
      std::vector<Sent> theirs;
      for (const Sent& train : trains) {
        if (train.destination.address == node->underlay) theirs.push_back(train);
      }
      if (!theirs.empty()) node->from_wire(theirs);
    }
    return !trains.empty();
  }
  void carry() {
    constexpr int kMostRounds = 600;  // more than a TTL lasts, there and back
    for (int round = 0; round < kMostRounds; ++round) {
      bool is_at_rest = true;
      for (TestNode* node : nodes_) is_at_rest = !deliver(node->sent()) && is_at_rest;
      if (is_at_rest) return;
    }
    require(false);
  }
  // Flows, fragments and limits of ICMP are as in the beginning, and what nobody looks at is gone.
  void forget() {
    for (TestNode* node : nodes_) {
      for (int i = 0; i < 16 && (i < 2 || !node->flows().empty()); ++i)
        node->advance(std::chrono::hours(1));
      require(node->flows().empty() && node->held_fragments() == 0);
      for (const uint32_t port : {5u, 6u}) node->writes_of(port);
      node->ike();
      node->events();
    }
  }

  TestNode paris_{"paris", "203.0.113.1"}, rome_{"rome", "203.0.113.3"},
      berlin_{"berlin", "192.0.2.1"}, osaka_{"osaka", "192.0.2.2"}, kyoto_{"kyoto", "203.0.113.2"};
  const std::array<TestNode*, 5> nodes_{&paris_, &rome_, &berlin_, &osaka_, &kyoto_};
};

}  // namespace
}  // namespace farspan::dataplane::testing

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  ::testing::InitGoogleTest(argc, *argv);
  GTEST_FLAG_SET(break_on_failure, true);  // what the rig expects is a law, too
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace farspan;
  static dataplane::testing::Network networks[] = {
      dataplane::testing::Network({crypto::Cipher::kAesGcm256, crypto::Integrity::kAead}),
      dataplane::testing::Network({crypto::Cipher::kAesCbc256, crypto::Integrity::kHmacSha512_256}),
      dataplane::testing::Network({crypto::Cipher::kChaCha20Poly1305, crypto::Integrity::kAead}),
      dataplane::testing::Network({crypto::Cipher::kAesCbc128, crypto::Integrity::kHmacSha1_96})};
  if (size > 0) networks[data[0] & 3].take({data + 1, size - 1});
  return 0;
}
