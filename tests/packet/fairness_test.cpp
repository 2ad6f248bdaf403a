// SPDX-License-Identifier: Apache-2.0
// One ingress brings 2,000,000 new flows a second for as long as it likes; every other one goes on
// as if it were not there. Time is the pipeline's, so the rate is that of the table, not of this
// machine.
#include <gmock/gmock.h>

#include "tests/packet/rig.h"

namespace farspan::dataplane::testing {
namespace {

constexpr uint8_t kSyn = 0x02, kPsh = 0x08, kAck = 0x10;
constexpr uint32_t kOpenings = 100, kFloodPerOpening = 1000, kEstablished = 20;
constexpr std::chrono::microseconds kBetweenOpenings{500};  // 2,000,000 a second

class Fairness : public World {
 protected:
  using Flood = std::function<void(uint32_t first, uint32_t count)>;
  using Open = std::function<bool(uint16_t port)>;

  static Bytes flood_packet(const std::string& source, uint32_t number) {
    return udp({source, "10.1.0.6"}, static_cast<uint16_t>(number),
               static_cast<uint16_t>(1 + (number >> 16)), "");
  }
  void instance_floods(uint32_t first, uint32_t count) {
    std::vector<Bytes> frames;
    for (uint32_t i = 0; i < count; ++i)
      frames.push_back(frame(flood_packet("10.1.0.5", first + i)));
    berlin.from_instance(5, frames);
    berlin.taken_from(6);
  }
  void office_floods(uint32_t first, uint32_t count) {
    std::vector<Sent> trains;
    for (uint32_t i = 0; i < count; ++i)
      trains.push_back(paris.seal(kOffice, flood_packet("172.16.0.5", first + i)));
    berlin.from_wire(trains);
    berlin.taken_from(6);
  }

  void from_link(const Bytes& packet) {
    berlin.from_wire({osaka.seal(kLink, labelled(packet, kLabel), 137)});
  }
  void from_office(const Bytes& packet) { berlin.from_wire({paris.seal(kOffice, packet)}); }
  /// The three segments of a handshake, each of which has to arrive.
  bool opens(const std::function<void(const Bytes&)>& from, const std::string& source,
             uint16_t port) {
    const Ip there{.source = source, .destination = "10.1.0.6"},
        back{.source = "10.1.0.6", .destination = source};
    from(tcp(there, {port, 80, 1, 0, kSyn}, ""));
    const bool is_asked = berlin.taken_from(6).size() == 1;
    berlin.from_instance(6, frame(tcp(back, {80, port, 1, 2, kSyn | kAck}, "")));
    const bool is_answered = berlin.sent().size() == 1;
    from(tcp(there, {port, 80, 2, 2, kAck}, ""));
    return is_asked && is_answered && berlin.taken_from(6).size() == 1;
  }
  bool office_opens(uint16_t port) {
    return opens([&](const Bytes& packet) { from_office(packet); }, "172.16.0.5", port);
  }
  bool link_opens(uint16_t port) {
    return opens([&](const Bytes& packet) { from_link(packet); }, "10.2.0.5", port);
  }
  bool instance_opens(uint16_t port) {
    const Ip there{.source = "10.1.0.6", .destination = "10.2.0.5"},
        back{.source = "10.2.0.5", .destination = "10.1.0.6"};
    berlin.from_instance(6, frame(tcp(there, {port, 443, 1, 0, kSyn}, "")));
    const bool is_asked = berlin.sent().size() == 1;
    from_link(tcp(back, {443, port, 1, 2, kSyn | kAck}, ""));
    const bool is_answered = berlin.taken_from(6).size() == 1;
    berlin.from_instance(6, frame(tcp(there, {port, 443, 2, 2, kAck}, "")));
    return is_asked && is_answered && berlin.sent().size() == 1;
  }
  /// What the connections opened before the flood send, a segment each; answers how many arrive.
  size_t established_send() {
    for (uint16_t port = 1; port <= kEstablished; ++port)
      berlin.from_instance(
          6, frame(tcp({"10.1.0.6", "10.2.0.5"}, {port, 443, 2, 2, kAck | kPsh}, "")));
    return berlin.sent().size();
  }

  void expect_nobody_else_notices(const Flood& flood, const std::vector<Open>& others) {
    for (uint16_t port = 1; port <= kEstablished; ++port) ASSERT_TRUE(instance_opens(port));
    std::vector<uint32_t> opened(others.size());
    size_t delivered = 0;
    for (uint32_t opening = 0; opening < kOpenings; ++opening) {
      for (uint32_t i = 0; i < kFloodPerOpening; i += 50) flood(opening * kFloodPerOpening + i, 50);
      const auto port = static_cast<uint16_t>(1000 + opening);
      for (size_t i = 0; i < others.size(); ++i) opened[i] += others[i](port) ? 1 : 0;
      delivered += established_send();
      advance(kBetweenOpenings);
    }
    EXPECT_THAT(opened, ::testing::Each(kOpenings));
    EXPECT_EQ(delivered, size_t{kOpenings} * kEstablished);
    EXPECT_EQ(berlin.count(Counter::kFlows), berlin.count(Counter::kFlowsLimit))
        << "it was a flood";
    expect_drops(berlin, {});
  }

 private:
  // Whole milliseconds, which is what flows count in.
  void advance(std::chrono::microseconds by) {
    waited_ += by;
    const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(waited_);
    waited_ -= whole;
    if (whole.count() > 0) berlin.advance(whole);
  }
  std::chrono::microseconds waited_{0};
};

TEST_F(Fairness, AnInstanceThatFloodsTakesNothingFromOthers) {
  expect_nobody_else_notices([&](uint32_t first, uint32_t count) { instance_floods(first, count); },
                             {[&](uint16_t port) { return office_opens(port); },
                              [&](uint16_t port) { return link_opens(port); },
                              [&](uint16_t port) { return instance_opens(port); }});
}

TEST_F(Fairness, AnOfficeThatFloodsTakesNothingFromOthers) {
  expect_nobody_else_notices([&](uint32_t first, uint32_t count) { office_floods(first, count); },
                             {[&](uint16_t port) { return link_opens(port); },
                              [&](uint16_t port) { return instance_opens(port); }});
}

}  // namespace
}  // namespace farspan::dataplane::testing
