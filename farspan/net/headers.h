// SPDX-License-Identifier: Apache-2.0
// The headers of the wire: where each field of Ethernet, ARP, IPv4, TCP, UDP, ICMP and MPLS stands,
// declared once.
//
// Structs of bytes with alignment 1, laid over a buffer by header_at<>(): a field is a Be16/Be32
// that only gives its value on request, so wire order and host order cannot be mixed up. Kernel
// headers are not used because their fields are bare integers and bit-fields.
//
// Not here: whether a buffer really holds such a header (dataplane/packet/parse.h); checksums
// (checksum.h). Threads: values only. Standards: RFC 791, 792, 768, 826, 9293, 3032.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace farspan::net {

inline uint16_t load_be16(const uint8_t* from) {
  uint16_t word;
  std::memcpy(&word, from, sizeof word);
  return std::endian::native == std::endian::little ? __builtin_bswap16(word) : word;
}
inline uint32_t load_be32(const uint8_t* from) {
  uint32_t word;
  std::memcpy(&word, from, sizeof word);
  return std::endian::native == std::endian::little ? __builtin_bswap32(word) : word;
}
inline void store_be16(uint8_t* to, uint16_t value) {
  const uint16_t word =
      std::endian::native == std::endian::little ? __builtin_bswap16(value) : value;
  std::memcpy(to, &word, sizeof word);
}
inline void store_be32(uint8_t* to, uint32_t value) {
  const uint32_t word =
      std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
  std::memcpy(to, &word, sizeof word);
}

struct Be16 {
  uint8_t bytes[2];
  uint16_t value() const { return load_be16(bytes); }
  Be16& operator=(uint16_t value) {
    store_be16(bytes, value);
    return *this;
  }
};

struct Be32 {
  uint8_t bytes[4];
  uint32_t value() const { return load_be32(bytes); }
  Be32& operator=(uint32_t value) {
    store_be32(bytes, value);
    return *this;
  }
};

/// Lays header `H` over `bytes`. @pre sizeof(H) bytes are there
template <class H>
H& header_at(uint8_t* bytes) {
  static_assert(alignof(H) == 1);
  return *reinterpret_cast<H*>(bytes);
}
template <class H>
const H& header_at(const uint8_t* bytes) {
  static_assert(alignof(H) == 1);
  return *reinterpret_cast<const H*>(bytes);
}

struct EthernetHeader {
  static constexpr uint16_t kIpv4 = 0x0800, kArp = 0x0806;
  uint8_t destination[6];
  uint8_t source[6];
  Be16 type;
};
static_assert(sizeof(EthernetHeader) == 14);

/// ARP for IPv4 over Ethernet (RFC 826).
struct ArpPacket {
  static constexpr uint16_t kEthernet = 1, kRequest = 1, kReply = 2;
  Be16 hardware_type;
  Be16 protocol_type;
  uint8_t hardware_length;
  uint8_t protocol_length;
  Be16 operation;
  uint8_t sender_mac[6];
  Be32 sender_address;
  uint8_t target_mac[6];
  Be32 target_address;
};
static_assert(sizeof(ArpPacket) == 28);

/// RFC 791 §3.1, the part before the options.
struct Ipv4Header {
  static constexpr uint16_t kDontFragment = 0x4000, kMoreFragments = 0x2000, kOffsetMask = 0x1fff;
  static constexpr size_t kMaxLength = 60;
  uint8_t version_ihl;
  uint8_t tos;
  Be16 total_length;
  Be16 id;
  Be16 flags_offset;  // 3 flag bits, then the offset in units of 8 bytes
  uint8_t ttl;
  uint8_t protocol;
  Be16 checksum;
  Be32 source;
  Be32 destination;

  uint8_t version() const { return static_cast<uint8_t>(version_ihl >> 4); }
  uint16_t header_length() const { return static_cast<uint16_t>((version_ihl & 15) * 4); }
  bool has_df() const { return (flags_offset.value() & kDontFragment) != 0; }
  bool has_more_fragments() const { return (flags_offset.value() & kMoreFragments) != 0; }
  uint32_t fragment_offset_bytes() const { return (flags_offset.value() & kOffsetMask) * 8u; }
};
static_assert(sizeof(Ipv4Header) == 20);

namespace protocol {
inline constexpr uint8_t kIcmp = 1, kIpv4 = 4, kTcp = 6, kUdp = 17, kMplsInIp = 137;
}

/// RFC 9293 §3.1, the part before the options.
struct TcpHeader {
  static constexpr uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10,
                           kUrg = 0x20, kEce = 0x40, kCwr = 0x80;
  static constexpr size_t kChecksumOffset = 16;
  static constexpr size_t kMaxLength = 60;
  Be16 source_port;
  Be16 destination_port;
  Be32 sequence;
  Be32 acknowledgment;
  uint8_t offset_reserved;
  uint8_t flags;
  Be16 window;
  Be16 checksum;
  Be16 urgent;

  uint16_t header_length() const { return static_cast<uint16_t>((offset_reserved >> 4) * 4); }
};
static_assert(sizeof(TcpHeader) == 20);

/// RFC 768.
struct UdpHeader {
  static constexpr size_t kChecksumOffset = 6;
  Be16 source_port;
  Be16 destination_port;
  Be16 length;
  Be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8);

/// RFC 792; the second word means something else in each type.
struct IcmpHeader {
  static constexpr uint8_t kEchoReply = 0, kUnreachable = 3, kSourceQuench = 4, kRedirect = 5,
                           kEcho = 8, kTimeExceeded = 11, kParameterProblem = 12;
  uint8_t type;
  uint8_t code;
  Be16 checksum;
  Be16 identifier;  // echo; zero in errors
  Be16 sequence;    // echo; the next-hop MTU in "fragmentation needed" (RFC 1191 §4)
};
static_assert(sizeof(IcmpHeader) == 8);

/// One entry of an MPLS label stack (RFC 3032 §2.1): label 20, traffic class 3, bottom of stack 1,
/// TTL 8.
struct MplsEntry {
  Be32 word;
  uint32_t label() const { return word.value() >> 12; }
  uint8_t traffic_class() const { return static_cast<uint8_t>(word.value() >> 9 & 7); }
  bool is_bottom() const { return (word.value() & 0x100) != 0; }
  uint8_t ttl() const { return static_cast<uint8_t>(word.value()); }
};
static_assert(sizeof(MplsEntry) == 4);

}  // namespace farspan::net
