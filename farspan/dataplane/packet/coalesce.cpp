// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/coalesce.h"

#include "farspan/dataplane/packet/pseudo_header.h"
#include "farspan/dataplane/packet/rewrite.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using net::Ipv4Header;
using net::TcpHeader;
using net::UdpHeader;
namespace protocol = net::protocol;

const Ipv4Header& ip_of(const SuperPacket& packet) {
  return net::header_at<Ipv4Header>(packet.header);
}
const TcpHeader& tcp_of(const SuperPacket& packet) {
  return net::header_at<TcpHeader>(packet.header + sizeof(Ipv4Header));
}
const UdpHeader& udp_of(const SuperPacket& packet) {
  return net::header_at<UdpHeader>(packet.header + sizeof(Ipv4Header));
}

bool is_tcp_candidate(const SuperPacket& packet) {
  constexpr uint8_t kNeverMerged =
      TcpHeader::kSyn | TcpHeader::kFin | TcpHeader::kRst | TcpHeader::kUrg;
  return (packet.parsed.tcp_flags & (kNeverMerged | TcpHeader::kAck)) == TcpHeader::kAck;
}

bool is_udp_candidate(const SuperPacket& packet) {
  const UdpHeader& udp = udp_of(packet);
  // without a checksum (0) there is none to verify, and offloading would add one
  return udp.checksum.value() != 0 && udp.length.value() == packet.length() - sizeof(Ipv4Header);
}

// What Segmenter will copy from the head into every segment must be the same in both.
bool has_same_ip(const SuperPacket& head, const SuperPacket& packet, uint16_t next_id) {
  const Ipv4Header& a = ip_of(head);
  const Ipv4Header& b = ip_of(packet);
  return a.tos == b.tos && a.ttl == b.ttl && a.flags_offset.value() == b.flags_offset.value() &&
         (packet.parsed.has_df || b.id.value() == next_id);
}

// Word by word: a call of memcmp costs more than the usual three words of a timestamp.
bool has_same_options(const SuperPacket& head, const SuperPacket& packet) {
  uint32_t difference = 0;
  for (size_t at = sizeof(Ipv4Header) + sizeof(TcpHeader); at < head.header_length; at += 4) {
    difference |= net::load_be32(head.header + at) ^ net::load_be32(packet.header + at);
  }
  return difference == 0;
}

bool has_same_tcp(const SuperPacket& head, const SuperPacket& packet) {
  const TcpHeader& a = tcp_of(head);
  const TcpHeader& b = tcp_of(packet);
  constexpr uint8_t kMayDiffer = TcpHeader::kPsh | TcpHeader::kCwr;
  if (b.flags & TcpHeader::kCwr) return false;  // CWR only stands in the first segment of a train
  return a.acknowledgment.value() == b.acknowledgment.value() &&
         a.offset_reserved == b.offset_reserved && ((a.flags ^ b.flags) & ~kMayDiffer) == 0 &&
         a.window.value() == b.window.value() && a.urgent.value() == b.urgent.value() &&
         has_same_options(head, packet);
}

bool is_verified(SuperPacket& packet) {
  if (!has_valid_checksum(packet)) return false;
  packet.checksum = Checksum::kValid;
  return true;
}

}  // namespace

bool Coalescer::absorb(SuperPacket& packet, uint64_t ingress) {
  const Parsed& parsed = packet.parsed;
  if (!has_pseudo_header(parsed.protocol) || parsed.is_fragment) return false;
  Train key;
  key.ingress = ingress;
  key.addresses = uint64_t{parsed.source} << 32 | parsed.destination;
  key.ports = uint64_t{parsed.protocol} << 32 | uint32_t{parsed.source_port} << 16 |
              parsed.destination_port;

  Train* train = find(key);
  if (!is_candidate(packet)) {
    if (train) close(*train);  // what follows must not overtake this packet
    return false;
  }
  if (train && !train->is_full && fits(*train, packet) && is_verified(*train->head) &&
      is_verified(packet)) {
    append(*train, packet);
    return true;
  }
  if (train) close(*train);
  open(packet, key);
  return false;
}

void Coalescer::finish() {
  for (Train& train : trains_) {
    if (train.head) close(train);
  }
}

Coalescer::Train* Coalescer::find(const Train& key) {
  for (Train& train : trains_) {
    if (train.head && train.ports == key.ports && train.addresses == key.addresses &&
        train.ingress == key.ingress) {
      return &train;
    }
  }
  return nullptr;
}

bool Coalescer::is_candidate(const SuperPacket& packet) {
  if (packet.payload_length == 0 || packet.piece_count != 1 || packet.segment_size != 0 ||
      packet.max_fragment != 0 || packet.checksum == Checksum::kPartial ||
      packet.parsed.ip_header_length != sizeof(Ipv4Header)) {
    return false;
  }
  if (packet.parsed.protocol == protocol::kTcp) return is_tcp_candidate(packet);
  return is_udp_candidate(packet);
}

bool Coalescer::fits(const Train& train, const SuperPacket& packet) {
  const SuperPacket& head = *train.head;
  const uint32_t segment = head.segment_size ? head.segment_size : head.payload_length;
  if (head.header_length != packet.header_length || packet.payload_length > segment ||
      head.piece_count == SuperPacket::kMaxPieces ||
      head.length() + packet.payload_length > SuperPacket::kMaxLength ||
      !has_same_ip(head, packet, train.next_id)) {
    return false;
  }
  if (packet.parsed.protocol == protocol::kUdp) return head.piece_count < kMaxUdpSegments;
  return tcp_of(packet).sequence.value() == train.next_sequence && has_same_tcp(head, packet);
}

void Coalescer::open(SuperPacket& packet, const Train& key) {
  Train* place = nullptr;
  for (Train& train : trains_) {
    if (!train.head) place = &train;
  }
  if (!place) {
    place = &trains_[next_victim_];
    next_victim_ = (next_victim_ + 1) % kOpenTrains;
    close(*place);
  }
  *place = key;
  place->head = &packet;
  place->next_id = static_cast<uint16_t>(ip_of(packet).id.value() + 1);
  if (packet.parsed.protocol == protocol::kTcp) {
    place->next_sequence = tcp_of(packet).sequence.value() + packet.payload_length;
    place->is_full = (packet.parsed.tcp_flags & TcpHeader::kPsh) != 0;
  }
}

void Coalescer::append(Train& train, SuperPacket& packet) {
  SuperPacket& head = *train.head;
  if (head.segment_size == 0) head.segment_size = static_cast<uint16_t>(head.payload_length);
  head.pieces[head.piece_count++] = packet.pieces[0];
  head.payload_length += packet.payload_length;
  head.take_buffer_of(packet);
  train.next_sequence += packet.payload_length;
  ++train.next_id;
  train.is_full = packet.payload_length < head.segment_size;
  if (packet.parsed.tcp_flags & TcpHeader::kPsh) {
    train.is_full = true;
    auto& tcp = net::header_at<TcpHeader>(head.header + sizeof(Ipv4Header));
    head.parsed.tcp_flags = tcp.flags |= TcpHeader::kPsh;
  }
}

void Coalescer::close(Train& train) {
  SuperPacket& head = *train.head;
  train.head = nullptr;
  if (head.segment_size == 0) return;  // nothing was added
  const auto transport_length = static_cast<uint16_t>(head.length() - sizeof(Ipv4Header));
  auto& ip = net::header_at<Ipv4Header>(head.header);
  ip.total_length = static_cast<uint16_t>(head.length());
  ip.checksum = 0;
  ip.checksum = net::internet_checksum(head.header, sizeof(Ipv4Header));

  uint8_t* transport = head.header + sizeof(Ipv4Header);
  if (head.parsed.protocol == protocol::kUdp) {
    net::header_at<UdpHeader>(transport).length = transport_length;
  }
  net::InternetSum pseudo;
  add_addresses_and_protocol(pseudo, head.header);
  pseudo.add16(transport_length);
  net::store_be16(transport + checksum_offset_of(head.parsed.protocol), pseudo.folded());
  head.checksum = Checksum::kPartial;
}

}  // namespace farspan::dataplane
