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

uint32_t Segmenter::alike() const {
  if (count_ == 1) return 1;
  const uint32_t whole = (packet_.payload_length - written_payload_) / packet_.segment_size;
  return std::max(whole, 1u);
}

void Segmenter::write(uint8_t* to, uint32_t count, uint32_t stride) {
  count_ == 1 ? write_whole(to) : write_run(to, count, stride);
  index_ += count;
}

uint8_t Segmenter::flags_of(uint32_t index) const {
  uint8_t flags = flags_;
  if (index + 1 != count_) flags &= static_cast<uint8_t>(~(TcpHeader::kFin | TcpHeader::kPsh));
  if (index != 0) flags &= static_cast<uint8_t>(~TcpHeader::kCwr);
  return flags;
}

// Once: the lengths, and the sums with them. For each segment:
// 1. headers as they are   2. payload, summed on the way
// 3. IPv4: length, id      4. TCP: sequence, flags; UDP: length
void Segmenter::write_run(uint8_t* to, uint32_t count, uint32_t stride) {
  const uint32_t ip_length = packet_.parsed.ip_header_length;
  const uint32_t header_length = packet_.header_length;
  const uint32_t payload = next_payload();
  const auto length = static_cast<uint16_t>(header_length + payload);
  const auto transport_length = static_cast<uint16_t>(length - ip_length);
  const bool is_tcp = packet_.parsed.protocol == protocol::kTcp;

  net::InternetSum ip_sum_of_run = ip_sum_;
  ip_sum_of_run.add16(length);
  net::InternetSum sum_of_run = transport_sum_;
  sum_of_run.add16(transport_length);               // of the pseudo-header
  if (!is_tcp) sum_of_run.add16(transport_length);  // of the UDP header

  for (uint32_t i = index_; i < index_ + count; ++i, to += stride) {
    copy_header(to, packet_.header, header_length);
    net::InternetSum sum = sum_of_run;
    payload_.copy_and_sum(to + header_length, payload, sum);

    auto& ip = net::header_at<Ipv4Header>(to);
    const auto id = static_cast<uint16_t>(base_id_ + i);
    ip.total_length = length;
    ip.id = id;
    net::InternetSum ip_sum = ip_sum_of_run;
    ip_sum.add16(id);
    ip.checksum = ip_sum.checksum();

    if (is_tcp) {
      auto& tcp = net::header_at<TcpHeader>(to + ip_length);
      const uint32_t sequence = base_sequence_ + written_payload_;
      const uint8_t flags = flags_of(i);
      tcp.sequence = sequence;
      tcp.flags = flags;
      sum.add32(sequence);
      sum.add16(flags);
      tcp.checksum = sum.checksum();
    } else {
      auto& udp = net::header_at<UdpHeader>(to + ip_length);
      udp.length = transport_length;
      udp.checksum = transport_checksum(sum, protocol::kUdp);
    }
    written_payload_ += payload;
  }
}

void Segmenter::write_whole(uint8_t* to) {
  const uint32_t header_length = packet_.header_length;
  std::memcpy(to, packet_.header, header_length);
  if (packet_.checksum != Checksum::kPartial) {
    return payload_.copy(to + header_length, packet_.payload_length);
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
}

}  // namespace farspan::dataplane
