// SPDX-License-Identifier: Apache-2.0
// from_underlay: what the peers' ESP packets carried, as few super-packets as their flows allow.
//
// Every segment's own first word says whether it is ESP, IKE (four zero bytes, RFC 3948 §2.2) or a
// keepalive: GRO glues IKE datagrams to the end of ESP trains. ESP packets wait until a batch is
// full or everything that was received has been looked at, and are opened together.
#include "farspan/dataplane/packet/ecn.h"
#include "farspan/dataplane/packet/mpls.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/pipeline/inner_flow.h"
#include "farspan/dataplane/pipeline/pipeline.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

constexpr uint16_t kIkePort = 500, kNatPort = 4500;
constexpr uint8_t kKeepaliveByte = 0xFF;
constexpr uint32_t kIkeHeader = 28, kNonEspMarker = 4;  // RFC 7296 §3.1, RFC 3948 §2.2
constexpr uint32_t kEspHeader = 8;
constexpr uint8_t kNextHeaderIpv4 = 4, kNextHeaderMpls = 137;

}  // namespace

void Pipeline::from_underlay(std::span<io::LandedTrain> trains) {
  for (const io::LandedTrain& landed : trains) {
    const io::Train& train = landed.train;
    if (!landed.buffer) {
      counters_.add(Counter::kFromUnderlay, train.packet_count());
      counters_.drop(DropReason::kNoBuffer, train.packet_count());
      continue;
    }
    const uint32_t segment = train.segment_size == 0 ? train.length : train.segment_size;
    // What came together leaves together: coalescing ends with the batch.
    if (open_count_ + train.packet_count() > kMaxOpen) open_waiting();
    uint32_t at = 0;
    do {
      const uint32_t length = std::min(segment, train.length - at);
      take_segment(landed, train.bytes + at, length);
      at += length;
    } while (at < train.length);
  }
  open_waiting();
  for (io::LandedTrain& landed : trains) landed.buffer.reset();
}

void Pipeline::take_segment(const io::LandedTrain& landed, uint8_t* bytes, uint32_t length) {
  const io::Train& train = landed.train;
  switch (train.destination.port) {
    case kIkePort:
      return take_ike(train, bytes, length);
    case kNatPort:
      if (length == 1 && bytes[0] == kKeepaliveByte) {
        counters_.add(Counter::kFromUnderlay);
        return counters_.drop(DropReason::kKeepalive);
      }
      if (length < kNonEspMarker || net::load_be32(bytes) == 0)
        return take_ike(train, bytes, length);
      return take_esp(landed, bytes, length);
    default:
      return take_esp(landed, bytes, length);
  }
}

void Pipeline::take_ike(const io::Train& train, uint8_t* bytes, uint32_t length) {
  counters_.add(Counter::kFromUnderlay);
  const uint32_t least = kIkeHeader + (train.destination.port == kNatPort ? kNonEspMarker : 0);
  if (length < least) return counters_.drop(DropReason::kMalformedIke);
  const IkeDatagram datagram{
      train.source, train.destination, static_cast<uint8_t>(train.tos >> 2), {bytes, length}};
  if (const auto refused = outside_.to_ike(datagram)) return counters_.drop(*refused);
  counters_.add(Counter::kToIke);
}

void Pipeline::take_esp(const io::LandedTrain& landed, uint8_t* bytes, uint32_t length) {
  const io::Train& train = landed.train;
  if (length < kEspHeader) {
    counters_.add(Counter::kFromUnderlay);
    return counters_.drop(DropReason::kMalformedEsp);
  }
  const bool is_udp = train.destination.port != 0;
  open_[open_count_] = {.sa = nullptr,
                        .esp = bytes,
                        .esp_length = length,
                        .source = is_udp ? ipsec::Endpoint{train.source.address, train.source.port}
                                         : ipsec::Endpoint{},
                        .inner = nullptr,
                        .inner_length = 0,
                        .next_header = 0,
                        .drop = {}};
  opening_[open_count_] = {&landed, TunnelIndex{}};
  if (++open_count_ == kMaxOpen) open_waiting();
}

// The stages of what waits. Each is a loop of its own, so that packets wait for memory together.
void Pipeline::open_waiting() {
  find_sas();
  if (open_count_ == 0) return;
  esp_.open({open_.data(), open_count_});
  uint32_t count = 0;
  for (uint32_t i = 0; i < open_count_; ++i) {
    if (open_[i].drop == DropReason::kDummy && take_probe(open_[i], opening_[i].tunnel)) continue;
    Passage& passage = (*burst_)[count];
    if (const auto reason = enter(open_[i], i, passage)) {
      counters_.drop(*reason);
      continue;
    }
    // Packets of one SA that a label sends to different VRFs never merge.
    const uint64_t ingress = uint64_t{open_[i].sa->spi()} << 32 | passage.from.vrf.value();
    if (coalescer_.absorb(passage.packet, ingress)) continue;
    if (++count == kBurst) {
      coalescer_.finish();
      forward_burst(std::exchange(count, 0));
    }
  }
  coalescer_.finish();
  forward_burst(count);
  open_count_ = 0;
}

// Of which SA and tunnel each packet is. Those of none end here, the others close ranks.
void Pipeline::find_sas() {
  const std::span<ipsec::OpenSlot> waiting(open_.data(), open_count_);
  for (ipsec::OpenSlot& slot : waiting) slot.sa = sad_->inbound(net::load_be32(slot.esp));
  const ipsec::InboundSa* before = nullptr;
  for (const ipsec::OpenSlot& slot : waiting) {
    if (slot.sa != nullptr && slot.sa != before) slot.sa->prefetch();
    before = slot.sa;
  }
  open_count_ = 0;
  for (size_t i = 0; i < waiting.size(); ++i) {
    ipsec::InboundSa* const sa = waiting[i].sa;
    const bool is_as_before = open_count_ > 0 && open_[open_count_ - 1].sa == sa;
    const auto tunnel = sa == nullptr  ? std::nullopt
                        : is_as_before ? std::optional(opening_[open_count_ - 1].tunnel)
                                       : tables_->find_tunnel(TunnelId(sa->tunnel()));
    if (!tunnel) {  // no such SA; or the agent does not know its tunnel (any more)
      counters_.add(Counter::kFromUnderlay);
      counters_.drop(DropReason::kUnknownSpi);
      continue;
    }
    if (open_count_ != i) open_[open_count_] = waiting[i];
    opening_[open_count_++] = {opening_[i].landed, *tunnel};
  }
  for (uint32_t i = 0; i < open_count_; ++i) {
    const TunnelEntry& entry = tables_->at(opening_[i].tunnel);
    counters_.add(entry.is_link ? Counter::kFromLink : Counter::kFromOffice);
    // A link's ends have declared addresses: there is nowhere to follow them to.
    if (entry.is_link) open_[i].source = {};
  }
}

// Nothing that came out of a tunnel is believed before it is inside the bounds the SA was
// negotiated for.
std::optional<DropReason> Pipeline::enter(const ipsec::OpenSlot& slot, uint32_t place,
                                          Passage& passage) {
  if (slot.drop) return slot.drop;
  SuperPacket& packet = passage.packet;
  Arrival& arrival = passage.from;
  const TunnelIndex tunnel_index = opening_[place].tunnel;
  const TunnelEntry& tunnel = tables_->at(tunnel_index);
  std::span<uint8_t> inner(slot.inner, slot.inner_length);
  arrival = {Ingress::of(tunnel_index), tunnel.vrf, slot.sa, TableKind::kGateway};
  if (slot.next_header != (tunnel.is_link ? kNextHeaderMpls : kNextHeaderIpv4))
    return DropReason::kBadNextHeader;
  if (tunnel.is_link) {
    const auto label = read_label(inner);
    if (!label) return DropReason::kMalformedLabel;
    const auto vrf = tables_->find_label(*label);
    if (!vrf) return DropReason::kUnknownLabel;
    arrival.vrf = *vrf;
    arrival.table = TableKind::kVpc;
    inner = inner.subspan(kLabelLength);
  }
  tunnel.counters->packets_in.add(1);
  tunnel.counters->bytes_in.add(inner.size());
  if (const auto reason = parse(inner, packet)) return reason;
  const io::LandedTrain& landed = *opening_[place].landed;
  packet.outer_ecn = landed.train.tos & kEcnMask;
  if (const auto reason = decapsulate_ecn(packet)) return reason;
  // The ports of a fragment are unknown: the whole datagram is checked instead (reassemble()).
  if (!packet.parsed.is_fragment && !is_inside_selectors(packet, *slot.sa))
    return DropReason::kInnerPolicy;
  packet.buffer = landed.buffer.share();
  return std::nullopt;
}

}  // namespace farspan::dataplane
