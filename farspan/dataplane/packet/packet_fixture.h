// SPDX-License-Identifier: Apache-2.0
// What tests send: packets written field by field, with checksums added up word by word.
//
// Shares nothing with the code it judges but the header structs. Defaults make a valid TCP segment
// with ACK.
//
// Not here: anything the data plane runs. Only tests, benchmarks and fuzz targets include it.
// Threads: pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "farspan/dataplane/packet/super_packet.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane::fixture {

using Bytes = std::vector<uint8_t>;

struct PacketSpec {
  uint32_t source = 0x0a010005, destination = 0x0a020009;  // 10.1.0.5 > 10.2.0.9
  uint16_t source_port = 40000, destination_port = 443;
  uint32_t sequence = 1000, acknowledgment = 5000;
  uint8_t tcp_flags = net::TcpHeader::kAck;
  uint16_t window = 512;
  uint8_t tos = 0, ttl = 64;
  uint16_t id = 77;
  uint16_t flags_offset = net::Ipv4Header::kDontFragment;
  Bytes ip_options = {}, tcp_options = {}, payload = {};
  uint8_t icmp_type = net::IcmpHeader::kEcho, icmp_code = 0;
};

inline uint16_t word_sum(const uint8_t* bytes, size_t length, uint32_t sum = 0) {
  for (size_t i = 0; i < length; i += 2) {
    sum += static_cast<uint32_t>(bytes[i] << 8) | (i + 1 < length ? bytes[i + 1] : 0u);
    while (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<uint16_t>(sum);
}

inline uint16_t pseudo_sum(const uint8_t* ip, uint8_t protocol, size_t length) {
  const uint8_t tail[4] = {0, protocol, static_cast<uint8_t>(length >> 8),
                           static_cast<uint8_t>(length)};
  return word_sum(tail, 4, word_sum(ip + 12, 8));
}

/// Sets the IPv4 header checksum of a whole packet.
inline void fix_ip_checksum(Bytes& packet) {
  auto& ip = net::header_at<net::Ipv4Header>(packet.data());
  ip.checksum = 0;
  ip.checksum = static_cast<uint16_t>(~word_sum(packet.data(), ip.header_length()));
}

inline Bytes ip_packet(const PacketSpec& spec, uint8_t protocol, const Bytes& transport) {
  Bytes packet(20);
  packet.insert(packet.end(), spec.ip_options.begin(), spec.ip_options.end());
  auto& ip = net::header_at<net::Ipv4Header>(packet.data());
  ip.version_ihl = static_cast<uint8_t>(0x40 | packet.size() / 4);
  ip.tos = spec.tos;
  ip.total_length = static_cast<uint16_t>(packet.size() + transport.size());
  ip.id = spec.id;
  ip.flags_offset = spec.flags_offset;
  ip.ttl = spec.ttl;
  ip.protocol = protocol;
  ip.source = spec.source;
  ip.destination = spec.destination;
  fix_ip_checksum(packet);
  packet.insert(packet.end(), transport.begin(), transport.end());
  return packet;
}

inline Bytes tcp_packet(const PacketSpec& spec) {
  Bytes transport(20);
  transport.insert(transport.end(), spec.tcp_options.begin(), spec.tcp_options.end());
  auto& tcp = net::header_at<net::TcpHeader>(transport.data());
  tcp.source_port = spec.source_port;
  tcp.destination_port = spec.destination_port;
  tcp.sequence = spec.sequence;
  tcp.acknowledgment = spec.acknowledgment;
  tcp.offset_reserved = static_cast<uint8_t>(transport.size() / 4 << 4);
  tcp.flags = spec.tcp_flags;
  tcp.window = spec.window;
  transport.insert(transport.end(), spec.payload.begin(), spec.payload.end());
  Bytes packet = ip_packet(spec, net::protocol::kTcp, transport);
  const size_t at = packet.size() - transport.size();
  const uint16_t pseudo = pseudo_sum(packet.data(), net::protocol::kTcp, transport.size());
  net::header_at<net::TcpHeader>(packet.data() + at).checksum =
      static_cast<uint16_t>(~word_sum(packet.data() + at, transport.size(), pseudo));
  return packet;
}

inline Bytes udp_packet(const PacketSpec& spec) {
  Bytes transport(8);
  auto& udp = net::header_at<net::UdpHeader>(transport.data());
  udp.source_port = spec.source_port;
  udp.destination_port = spec.destination_port;
  udp.length = static_cast<uint16_t>(8 + spec.payload.size());
  transport.insert(transport.end(), spec.payload.begin(), spec.payload.end());
  Bytes packet = ip_packet(spec, net::protocol::kUdp, transport);
  const size_t at = packet.size() - transport.size();
  const uint16_t pseudo = pseudo_sum(packet.data(), net::protocol::kUdp, transport.size());
  const auto sum = static_cast<uint16_t>(~word_sum(packet.data() + at, transport.size(), pseudo));
  net::header_at<net::UdpHeader>(packet.data() + at).checksum = sum == 0 ? uint16_t{0xffff} : sum;
  return packet;
}

inline Bytes icmp_packet(const PacketSpec& spec) {
  Bytes transport(8);
  auto& icmp = net::header_at<net::IcmpHeader>(transport.data());
  icmp.type = spec.icmp_type;
  icmp.code = spec.icmp_code;
  icmp.identifier = spec.source_port;
  icmp.sequence = 7;
  transport.insert(transport.end(), spec.payload.begin(), spec.payload.end());
  net::header_at<net::IcmpHeader>(transport.data()).checksum =
      static_cast<uint16_t>(~word_sum(transport.data(), transport.size()));
  return ip_packet(spec, net::protocol::kIcmp, transport);
}

inline Bytes random_bytes(std::mt19937& random, size_t length) {
  Bytes bytes(length);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

/// All bytes of a super-packet, header first.
inline Bytes bytes_of(const SuperPacket& packet) {
  Bytes bytes(packet.header, packet.header + packet.header_length);
  for (uint32_t i = 0; i < packet.piece_count; ++i) {
    bytes.insert(bytes.end(), packet.pieces[i].bytes,
                 packet.pieces[i].bytes + packet.pieces[i].length);
  }
  return bytes;
}

/// What Segmenter or Fragmenter writes, packet by packet; each gets exactly the room it asked for.
template <class Writer>
std::vector<Bytes> written_by(Writer writer) {
  std::vector<Bytes> packets;
  while (writer.remaining() > 0) {
    Bytes packet(writer.next_length());
    const uint32_t length = writer.write_next(packet.data());
    if (length != packet.size()) return {};
    packets.push_back(std::move(packet));
  }
  return packets;
}

/// True when the IPv4 header and the TCP, UDP or ICMP checksum of a whole packet are right.
inline bool has_right_checksums(const Bytes& packet) {
  const auto& ip = net::header_at<net::Ipv4Header>(packet.data());
  const uint16_t ip_length = ip.header_length();
  if (ip.total_length.value() != packet.size()) return false;
  if (word_sum(packet.data(), ip_length) != 0xffff) return false;
  const size_t length = packet.size() - ip_length;
  const bool has_pseudo = ip.protocol == net::protocol::kTcp || ip.protocol == net::protocol::kUdp;
  const uint16_t pseudo = has_pseudo ? pseudo_sum(packet.data(), ip.protocol, length) : uint16_t{0};
  return word_sum(packet.data() + ip_length, length, pseudo) == 0xffff;
}

}  // namespace farspan::dataplane::fixture
