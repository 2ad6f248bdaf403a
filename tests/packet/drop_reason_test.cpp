// SPDX-License-Identifier: Apache-2.0
// Every reason for a drop, provoked at berlin: the list operators read has no line that cannot
// happen, and none that is counted under another name. A new reason does not compile without its
// case here.
#include <farspan/v1/tables.pb.h>
#include <gmock/gmock.h>

#include "tests/packet/rig.h"

namespace farspan::dataplane::testing {
namespace {

using enum DropReason;

constexpr uint32_t kNarrow = 33, kNarrowRemote = 0xCB007163;
const Ip kNear{.source = "10.1.0.5", .destination = "10.1.0.6"};
const Ip kFar{.source = "10.1.0.5", .destination = "10.2.0.5"};
const Ip kFromParis{.source = "172.16.0.5", .destination = "10.1.0.5"};
const Ip kToNarrow{.source = "10.1.0.5", .destination = "172.21.0.5"};

Bytes first_fragment(uint16_t id, char filling) {
  Ip ip = kNear;
  ip.id = id;
  return fragments_of(udp(ip, 1, 2, std::string(2000, filling)), 1000)[0];
}

class EveryReason : public World, public ::testing::WithParamInterface<DropReason> {
 protected:
  void provoke(DropReason reason);

 private:
  void send(const Bytes& packet, const VirtioHeader& virtio = {}) {
    berlin.from_instance(5, frame(packet), virtio);
  }
  void send(const Ip& ip) { send(udp(ip, 4000, 53, "hello")); }
  /// A datagram from osaka to berlin's port 4500.
  void send_datagram(Bytes bytes) {
    const auto length = static_cast<uint32_t>(bytes.size());
    berlin.from_wire({{.source = {osaka.underlay, 4500},
                       .destination = {berlin.underlay, 4500},
                       .tos = 0,
                       .segment_size = length,
                       .bytes = std::move(bytes)}});
  }
  Sent sealed() { return paris.seal(kOffice, udp(kFromParis, 1, 2, "hello")); }
  void send_sealed(const std::function<void(Sent&)>& change) {
    Sent changed = sealed();
    change(changed);
    berlin.from_wire({changed});
  }
  void send_labelled(uint32_t label, bool is_bottom) {
    const Bytes packet = labelled(udp({"10.2.0.5", "10.1.0.5"}, 1, 2, "x"), label, is_bottom);
    berlin.from_wire({osaka.seal(kLink, packet, 137)});
  }
  /// `segment` of the server within a connection from 10.1.0.6 to 10.1.0.5.
  void send_inside(const Tcp& segment) {
    const Ip there{.source = "10.1.0.6", .destination = "10.1.0.5"};
    berlin.from_instance(6, frame(tcp(there, {4000, 80, 1000, 0, 0x02}, "")));
    send(tcp(kNear, {80, 4000, 5000, 1001, 0x12}, ""));
    berlin.from_instance(6, frame(tcp(there, {4000, 80, 1001, 5001, 0x10}, "")));
    send(tcp(kNear, segment, ""));
  }
  void send_against_the_rules(bool is_ingress);
  /// Another tunnel, to 172.21.0.0/24, with an outbound SA of these options if there are any.
  void add_tunnel(const TestNode::SaOptions* options);
};

void EveryReason::send_against_the_rules(bool is_ingress) {
  berlin.program([&](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {});
    allow_from(batch, is_ingress ? "192.0.2.0/24" : "0.0.0.0/0");
    if (is_ingress) return;
    auto* rule = batch.mutable_security_groups(0)->add_egress();
    rule->set_port_high(65535);
    rule->set_peer("0.0.0.0/0");
    rule->set_is_drop(true);
    rule->set_priority(1);
  });
  send(kNear);
}

void EveryReason::add_tunnel(const TestNode::SaOptions* options) {
  berlin.program([](v1::TablesBatch& batch) {
    plain_tables(batch, "10.1.0", {{"172.21.0.0/24", kNarrow}});
    allow_from(batch, "0.0.0.0/0");
  });
  ipsec::SecretBytes key, none;
  key.length = 36;
  if (options != nullptr) berlin.add_sa(false, 0xbeef, kNarrow, kNarrowRemote, key, none, *options);
}

void EveryReason::provoke(DropReason reason) {
  TestNode::SaOptions options;
  switch (reason) {
    case kMalformedEthernet:
      return berlin.from_instance(5, Bytes(10));
    case kUnsupportedEthertype:
      return berlin.from_instance(5, frame(Bytes(40), 0x86DD));
    case kMalformedArp:
      return berlin.from_instance(5, frame(Bytes(28), 0x0806));
    case kMalformedIpv4:
      return send(Bytes(40));
    case kIpv4Options:
      return send(with_options(udp(kNear, 1, 2, "x"), {131, 3, 4, 0}));
    case kMalformedTransport: {
      Bytes packet = udp(kNear, 1, 2, "x");
      packet[24] = 0xFF;  // the datagram claims to be longer than its packet
      return send(packet);
    }
    case kMartianAddress:
      return send(Ip{.source = "10.1.0.5", .destination = "127.0.0.1"});
    case kBadVirtioHeader:
      return send(udp(kNear, 1, 2, "x"), {.gso_type = VirtioHeader::kTcpV4, .gso_size = 100});
    case kSpoofedSource:
      return send(Ip{.source = "10.1.0.6", .destination = "10.2.0.5"});
    case kNoWayBack:
      return berlin.from_wire(
          {paris.seal(kOffice, udp({"192.168.7.7", "10.1.0.5"}, 1, 2, "from nowhere"))});
    case kForeignLabel:
      berlin.program([](v1::TablesBatch& batch) {
        plain_tables(batch, "10.1.0", {{"10.2.0.0/24", kLink}});
        allow_from(batch, "0.0.0.0/0");
        batch.mutable_tunnels(0)->clear_labels();
      });
      return send_labelled(kLabel, true);
    case kFragmentOverlap:
      send(first_fragment(1, 'x'));
      return send(first_fragment(1, 'y'));
    case kFragmentTimeout:
      send(first_fragment(1, 'x'));
      return berlin.advance(std::chrono::seconds(31));
    case kFragmentLimit:
      for (uint16_t id = 1; id <= 5; ++id) send(first_fragment(id, 'x'));
      return;
    case kSecurityGroupIngress:
      return send_against_the_rules(true);
    case kSecurityGroupEgress:
      return send_against_the_rules(false);
    case kNoFlowForPacket:
      return send(icmp_error(kNear, 3, 3, udp({"10.1.0.6", "10.1.0.5"}, 1, 2, "x")));
    case kFlowTableFull:
      for (uint16_t port = 1; port <= 1024; ++port) {
        send(udp(kNear, port, 53, "x"));
        berlin.from_instance(6, frame(udp({"10.1.0.6", "10.1.0.5"}, 53, port, "answered")));
      }
      return send(udp(kNear, 1025, 53, "x"));
    case kTcpFlags:
      return send(tcp(kNear, {.flags = 0}, ""));
    case kTcpSyn:
      return send_inside({80, 4000, 7777, 0, 0x02});
    case kTcpReset:
      return send_inside({80, 4000, 0xdeadbeef, 0, 0x04});
    case kTcpWindow:
      return send_inside({80, 4000, 0xdeadbeef, 1001, 0x10});
    case kIcmpType:
      return send(icmp_error(kNear, 5, 1, udp({"10.1.0.6", "10.1.0.5"}, 1, 2, "x")));
    case kIcmpUnasked:
      return send(echo(kNear, false, 7, "pong"));
    case kNoRoute:
      return send(Ip{.source = "10.1.0.5", .destination = "198.51.100.1"});
    case kHostUnreachable:
      return send(Ip{.source = "10.1.0.5", .destination = "10.1.0.77"});
    case kTtlExceeded:
      return send(Ip{.source = "10.1.0.5", .destination = "10.1.0.6", .ttl = 1});
    case kFragmentationNeeded: {
      Ip ip = kFar;
      ip.has_df = true;
      return send(udp(ip, 1, 2, std::string(1440, 'x')));
    }
    case kPortDown:
      berlin.write_verdict = io::WriteVerdict::kDead;
      return send(kNear);
    case kPortFull:
      berlin.write_verdict = io::WriteVerdict::kFull;
      return send(kNear);
    case kNotForUs:
      return send(tcp({"10.1.0.5", "10.1.0.1"}, {.flags = 2}, ""));
    case kNoSa:
      add_tunnel(nullptr);
      return send(kToNarrow);
    case kOutsideSelectors:
      options.ours = {{address_of("10.1.0.6"), address_of("10.1.0.6")}};
      add_tunnel(&options);
      return send(kToNarrow);
    case kSequenceExhausted:
      berlin.use_up_sequence_numbers(kLink);
      return send(kFar);
    case kSaExpired:
      options.limits.hard_packets = 1;
      add_tunnel(&options);
      send(kToNarrow);
      return send(kToNarrow);
    case kUnderlayBusy:
      berlin.send_verdict = io::SendVerdict::kBusy;
      return send(kFar);
    case kUnderlayUnreachable:
      berlin.send_verdict = io::SendVerdict::kUnreachable;
      return send(kFar);
    case kMalformedEsp:
      return send_datagram({1, 2, 3, 4, 5});
    case kUnknownSpi:
      return send_datagram(Bytes(80, 1));
    case kReplayed: {
      const Sent once = sealed();
      return berlin.from_wire({once, once});
    }
    case kReplayTooOld: {
      const Sent old = sealed();
      for (int i = 0; i < 1023; ++i) (void)sealed();
      return berlin.from_wire({sealed(), old});
    }
    case kReplayZero:
      return send_sealed([](Sent& sent) { std::fill_n(sent.bytes.begin() + 4, 4, uint8_t{0}); });
    case kBadIcv:
      return send_sealed([](Sent& sent) { sent.bytes.back() ^= 1; });
    case kBadPadding:
      return berlin.from_wire({paris.seal_text(kOffice, {1, 2, 3, 4, 5, 6, 200, 4})});
    case kBadNextHeader:
      return berlin.from_wire({paris.seal(kOffice, Bytes(40), 41)});  // IPv6
    case kDummy:
      return berlin.from_wire({paris.seal(kOffice, Bytes(40), 59)});
    case kInnerPolicy:
      options.theirs = {{address_of("172.16.0.6"), address_of("172.16.0.6")}};
      connect(berlin, kOffice, paris, kOffice, options);
      return send_sealed([](Sent&) {});
    case kMalformedLabel:
      return send_labelled(kLabel, false);
    case kUnknownLabel:
      return send_labelled(kLabel + 1, true);
    case kEcnInvalid:
      return send_sealed([](Sent& sent) { sent.tos = 3; });
    case kForgedQuote:
      return berlin.from_routers({{.has_esp_header = true, .spi = 7}});
    case kShortQuote:
      return berlin.from_routers({io::Quote{}});
    case kMalformedIke:
      return send_datagram(Bytes(12, 0));
    case kIkeUnavailable:
    case kIkeBusy:
    case kIkePeerLimit:
    case kIkeStrangerLimit:
    case kIkeUnknownSpi:
      berlin.ike_refusal = reason;
      return send_datagram(Bytes(80, 0));
    case kIkeStranger:
      return berlin.from_charon({.source = {paris.underlay, 500},
                                 .destination = {berlin.underlay, 500},
                                 .payload = {},
                                 .is_refused = true});
    case kKeepalive:
      return send_datagram({0xFF});
    case kLooping:
      return berlin.from_wire(
          {osaka.seal(kLink, labelled(udp({"172.18.0.5", "10.2.0.5"}, 1, 2, "x"), kLabel), 137)});
    case kNoBuffer: {
      const auto all = berlin.take_all_buffers();
      return send(udp(kNear, 1, 2, "x"));
    }
    case kBrokenInvariant:
      return berlin.from_nowhere(frame(udp(kNear, 1, 2, "x")));
  }
}

TEST_P(EveryReason, IsCountedUnderItsName) {
#ifdef FARSPAN_DEBUG_CHECKS
  if (GetParam() == kBrokenInvariant) {  // ends a debug build (base/check.h)
    EXPECT_DEATH(provoke(GetParam()), "on the packet path");
    return;
  }
#endif
  provoke(GetParam());
  EXPECT_GE(berlin.dropped(GetParam()), 1u);
  EXPECT_EQ(berlin.dropped(), berlin.dropped(GetParam())) << "and under no other";
}

std::vector<DropReason> every_reason() {
  std::vector<DropReason> reasons;
  for (size_t i = 0; i < kDropReasonCount; ++i) reasons.push_back(static_cast<DropReason>(i));
  return reasons;
}

INSTANTIATE_TEST_SUITE_P(Drops, EveryReason, ::testing::ValuesIn(every_reason()),
                         [](const auto& row) { return std::string(row_of(row.param).name); });

}  // namespace
}  // namespace farspan::dataplane::testing
