// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/segment.h"

#include <algorithm>
#include <cstring>

#include "farspan/dataplane/packet/pseudo_header.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using net::Ipv4Header;
using net::TcpHeader;
using net::UdpHeader;
namespace protocol = net::protocol;

// 40 to 120 bytes in multiples of 4, by overlapping blocks: a call of memcpy costs more than the
// bytes.
void copy_header(uint8_t* to, const uint8_t* from, size_t length) {
  if (length < 32) {  // IPv4 and UDP
    std::memcpy(to, from, 16);
    std::memcpy(to + length - 16, from + length - 16, 16);
    return;
  }
  for (size_t at = 0; at + 32 < length; at += 32) std::memcpy(to + at, from + at, 32);
  std::memcpy(to + length - 32, from + length - 32, 32);
}

}  // namespace

Segmenter::Segmenter(const SuperPacket& packet)
    : packet_(packet), payload_(packet), count_(packet.wire_packets()) {
  if (count_ == 1) return;
  const uint8_t* header = packet.header;
  const uint32_t ip_length = packet.parsed.ip_header_length;
  const uint8_t* transport = header + ip_length;
  const size_t transport_length = packet.header_length - ip_length;

  // all but total length (2), id (4) and checksum (10)
  ip_sum_.add(header, 2);
  ip_sum_.add(header + 6, 4);
  ip_sum_.add(header + 12, ip_length - 12);

  base_id_ = net::header_at<Ipv4Header>(header).id.value();

  add_addresses_and_protocol(transport_sum_, header);
  if (packet.parsed.protocol == protocol::kTcp) {
    // all but sequence (4), flags (13) and checksum (16)
    const auto& tcp = net::header_at<TcpHeader>(transport);
    base_sequence_ = tcp.sequence.value();
    flags_ = tcp.flags;
    transport_sum_.add16(static_cast<uint16_t>(tcp.offset_reserved << 8));
    transport_sum_.add(transport, 4);
    transport_sum_.add(transport + 8, 4);
    transport_sum_.add(transport + 14, 2);
    transport_sum_.add(transport + 18, transport_length - 18);
  } else {  // all but length (4) and checksum (6)
    transport_sum_.add(transport, 4);
  }
}

uint32_t Segmenter::next_payload() const {
  const uint32_t left = packet_.payload_length - written_payload_;
  return count_ == 1 ? left : std::min<uint32_t>(left, packet_.segment_size);
}

uint32_t Segmenter::next_length() const { return packet_.header_length + next_payload(); }

uint32_t Segmenter::write_next(uint8_t* to) {
  const uint32_t length = count_ == 1 ? write_whole(to) : write_train_segment(to);
  ++index_;
  return length;
}

// 1. headers as they are   2. payload, summed on the way
// 3. IPv4: length, id      4. TCP: sequence, flags; UDP: length
uint32_t Segmenter::write_train_segment(uint8_t* to) {
  const uint32_t ip_length = packet_.parsed.ip_header_length;
  const uint32_t payload = next_payload();
  const uint32_t length = packet_.header_length + payload;
  const auto transport_length = static_cast<uint16_t>(length - ip_length);
  const bool is_first = index_ == 0;
  const bool is_last = index_ + 1 == count_;

  copy_header(to, packet_.header, packet_.header_length);
  net::InternetSum sum = transport_sum_;
  payload_.copy_and_sum(to + packet_.header_length, payload, sum);

  auto& ip = net::header_at<Ipv4Header>(to);
  const auto id = static_cast<uint16_t>(base_id_ + index_);
  ip.total_length = static_cast<uint16_t>(length);
  ip.id = id;
  net::InternetSum ip_sum = ip_sum_;
  ip_sum.add16(static_cast<uint16_t>(length));
  ip_sum.add16(id);
  ip.checksum = ip_sum.checksum();

  sum.add16(transport_length);  // of the pseudo-header
  if (packet_.parsed.protocol == protocol::kTcp) {
    auto& tcp = net::header_at<TcpHeader>(to + ip_length);
    const uint32_t sequence = base_sequence_ + written_payload_;
    uint8_t flags = flags_;
    if (!is_last) flags &= static_cast<uint8_t>(~(TcpHeader::kFin | TcpHeader::kPsh));
    if (!is_first) flags &= static_cast<uint8_t>(~TcpHeader::kCwr);
    tcp.sequence = sequence;
    tcp.flags = flags;
    sum.add32(sequence);
    sum.add16(flags);
    tcp.checksum = sum.checksum();
  } else {
    auto& udp = net::header_at<UdpHeader>(to + ip_length);
    udp.length = transport_length;
    sum.add16(transport_length);
    udp.checksum = transport_checksum(sum, protocol::kUdp);
  }
  written_payload_ += payload;
  return length;
}

uint32_t Segmenter::write_whole(uint8_t* to) {
  const uint32_t header_length = packet_.header_length;
  std::memcpy(to, packet_.header, header_length);
  if (packet_.checksum != Checksum::kPartial) {
    payload_.copy(to + header_length, packet_.payload_length);
    return packet_.length();
  }
  const uint32_t ip_length = packet_.parsed.ip_header_length;
  uint8_t* field = to + ip_length + checksum_offset_of(packet_.parsed.protocol);
  net::store_be16(field, 0);
  net::InternetSum sum;
  add_addresses_and_protocol(sum, to);
  sum.add16(static_cast<uint16_t>(packet_.length() - ip_length));
  sum.add(to + ip_length, header_length - ip_length);
  payload_.copy_and_sum(to + header_length, packet_.payload_length, sum);
  net::store_be16(field, transport_checksum(sum, packet_.parsed.protocol));
  return packet_.length();
}

}  // namespace farspan::dataplane
