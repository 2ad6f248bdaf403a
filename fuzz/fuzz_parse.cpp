// SPDX-License-Identifier: Apache-2.0
// fuzz_parse: a hostile device's virtio header and packet through every stage that touches a
// packet.
//
// The first byte chooses: link header or none, whether the IPv4 checksum is made right (bytes alone
// seldom get past it), and numbers for the stages. Laws on the way: a train's segments parse again,
// coalesced segments segment to the same bytes, fragments are no longer than the MTU.
#include <array>
#include <cstdlib>
#include <deque>

#include "farspan/dataplane/packet/arp.h"
#include "farspan/dataplane/packet/coalesce.h"
#include "farspan/dataplane/packet/ecn.h"
#include "farspan/dataplane/packet/fragment.h"
#include "farspan/dataplane/packet/icmp_error.h"
#include "farspan/dataplane/packet/icmp_quote.h"
#include "farspan/dataplane/packet/mpls.h"
#include "farspan/dataplane/packet/mss_clamp.h"
#include "farspan/dataplane/packet/packet_fixture.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/packet/rewrite.h"
#include "farspan/dataplane/packet/segment.h"

namespace farspan::dataplane {
namespace {

using fixture::Bytes;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Choice {
  size_t link_header_length;
  bool fixes_checksum;
  uint8_t number;
};

void fix_checksum(std::span<uint8_t> packet) {
  if (packet.size() < 20) return;
  const size_t length = size_t{packet[0] & 15u} * 4;
  if (length < 20 || length > packet.size()) return;
  net::store_be16(&packet[10], 0);
  net::store_be16(&packet[10], net::internet_checksum(packet.data(), length));
}

// What segmenting, merging and segmenting again gives must be what the first segmenting gave, flow
// by flow; here there is one flow, so in order.
void coalesce_again(const std::vector<Bytes>& wire) {
  std::deque<Bytes> buffers;
  std::deque<SuperPacket> trains;
  Coalescer coalescer;
  for (const Bytes& packet : wire) {
    buffers.push_back(packet);
    require(!parse(buffers.back(), trains.emplace_back()));
    if (coalescer.absorb(trains.back(), 0)) trains.pop_back();
  }
  coalescer.finish();
  std::vector<Bytes> again;
  for (const SuperPacket& train : trains) {
    (void)virtio_header_of(train, 14);
    for (Bytes& packet : fixture::written_by(Segmenter(train))) again.push_back(std::move(packet));
  }
  require(again.size() == wire.size());
  for (size_t i = 0; i < wire.size(); ++i) {
    Bytes a = wire[i], b = again[i];
    if (a[6] & 0x40) {  // with DF the id means nothing
      net::store_be16(&a[4], 0);
      net::store_be16(&b[4], 0);
      net::store_be16(&a[10], 0);
      net::store_be16(&b[10], 0);
    }
    require(a == b);
  }
}

void fragment(SuperPacket& packet, uint32_t mtu) {
  if (fit(packet, mtu) != Fit::kFragment) return;
  uint32_t data = 0;
  for (const Bytes& part : fixture::written_by(Fragmenter(packet, mtu))) {
    require(part.size() <= mtu);
    SuperPacket view;
    Bytes copy = part;
    require(!parse(copy, view));
    data += static_cast<uint32_t>(part.size()) - view.parsed.ip_header_length;
  }
  require(data == packet.length() - packet.parsed.ip_header_length);
}

void run_stages(SuperPacket& packet, uint8_t number) {
  (void)has_valid_checksum(packet);
  (void)clamp_mss(packet, static_cast<uint16_t>(number * 8));
  packet.outer_ecn = number & 3;
  (void)decapsulate_ecn(packet);
  if (packet.parsed.is_icmp_error) {
    (void)read_quote(packet);
  }
  if (may_report(packet)) {
    std::array<uint8_t, kMaxIcmpError> room;
    const uint32_t length =
        write_icmp_error(packet, IcmpError::kFragmentationNeeded, 0x0a000001, 1400, room);
    SuperPacket error;
    require(!parse(std::span(room).first(length), error) && has_valid_checksum(error));
  }
  (void)decrement_ttl(packet);
  (void)virtio_header_of(packet, 14);

  const auto wire = fixture::written_by(Segmenter(packet));
  require(wire.size() == packet.wire_packets() && wire.size() <= kMaxWirePackets);
  for (const Bytes& one : wire) require(one.size() <= longest_wire_packet(packet));
  if (packet.parsed.is_fragment || packet.segment_size == 0) {
    fragment(packet, 68u + number * 8u);
  }
  coalesce_again(wire);
  if (is_echo_request(packet)) make_echo_reply(packet);
}

}  // namespace
}  // namespace farspan::dataplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t length) {
  using namespace farspan::dataplane;
  if (length < 12 || length > 70000) return 0;
  const Choice choice{bytes[0] & 1u ? size_t{14} : size_t{0}, (bytes[0] & 2) != 0, bytes[1]};
  std::array<uint8_t, 10> virtio;
  std::copy_n(bytes + 2, 10, virtio.begin());
  // no spare byte behind the frame, so that reading past it is found
  const std::vector<uint8_t> input(bytes + 12, bytes + length);
  std::vector<uint8_t> frame = input;
  std::array<uint8_t, kArpFrame> reply;
  (void)answer_arp(frame, 0x0a010005, {}, reply);
  (void)read_label(frame);

  if (choice.fixes_checksum && frame.size() >= choice.link_header_length) {
    fix_checksum(std::span(frame).subspan(choice.link_header_length));
  }
  SuperPacket packet;
  if (!parse_from_port(frame, choice.link_header_length, virtio_header_from(virtio), packet)) {
    run_stages(packet, choice.number);
  }
  return 0;
}
