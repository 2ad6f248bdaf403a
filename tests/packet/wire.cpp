// SPDX-License-Identifier: Apache-2.0
#include "tests/packet/wire.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace farspan::dataplane::testing {
namespace {

void put16(Bytes& bytes, size_t at, unsigned value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}
void put32(Bytes& bytes, size_t at, uint32_t value) {
  put16(bytes, at, value >> 16);
  put16(bytes, at + 2, value & 0xFFFF);
}
unsigned get16(std::span<const uint8_t> bytes, size_t at) {
  return unsigned{bytes[at]} << 8 | bytes[at + 1];
}
uint32_t get32(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint32_t>(get16(bytes, at)) << 16 | get16(bytes, at + 2);
}

uint32_t sum_of(std::span<const uint8_t> bytes, uint32_t sum = 0) {
  for (size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? unsigned{bytes[i]} << 8 : bytes[i];
  while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
  return sum;
}
uint32_t pseudo_sum(std::span<const uint8_t> packet, size_t transport_length) {
  return sum_of(packet.subspan(12, 8), static_cast<uint32_t>(packet[9] + transport_length));
}

Bytes ip_packet(const Ip& ip, uint8_t protocol, const Bytes& transport) {
  Bytes packet(20);
  packet[0] = 0x45;
  packet[1] = ip.tos;
  put16(packet, 2, static_cast<unsigned>(20 + transport.size()));
  put16(packet, 4, ip.id);
  put16(packet, 6, ip.has_df ? 0x4000 : 0);
  packet[8] = ip.ttl;
  packet[9] = protocol;
  put32(packet, 12, address_of(ip.source));
  put32(packet, 16, address_of(ip.destination));
  put16(packet, 10, ~sum_of(packet) & 0xFFFF);
  packet.insert(packet.end(), transport.begin(), transport.end());
  return packet;
}

void close_transport(Bytes& packet, size_t checksum_at, bool has_pseudo) {
  const size_t length = packet.size() - 20;
  const auto transport = std::span(packet).subspan(20);
  put16(packet, 20 + checksum_at,
        ~sum_of(transport, has_pseudo ? pseudo_sum(packet, length) : 0) & 0xFFFF);
}

void append(Bytes& to, const std::string& text) { to.insert(to.end(), text.begin(), text.end()); }

std::string ip_text(uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 255, address >> 8 & 255,
                     address & 255);
}

std::string payload_text(std::span<const uint8_t> payload) {
  if (payload.size() > 40) return fmt::format(" {} bytes", payload.size());
  return fmt::format(" \"{}\"", std::string(payload.begin(), payload.end()));
}

std::string tcp_text(std::span<const uint8_t> tcp) {
  const size_t header = std::min(size_t{tcp[12]} / 16 * 4, tcp.size());
  std::string flags;
  for (unsigned i = 0; i < 8; ++i) {
    if ((tcp[13] >> i & 1) != 0) flags += "FSRPAUEC"[i];
  }
  std::string text =
      fmt::format(" tcp {} > {} {} seq={}", get16(tcp, 0), get16(tcp, 2), flags, get32(tcp, 4));
  if (header >= 24 && tcp[20] == 2) text += fmt::format(" mss={}", get16(tcp, 22));
  return text + payload_text(tcp.subspan(header));
}

std::string icmp_text(std::span<const uint8_t> icmp) {
  if (icmp[0] == 0 || icmp[0] == 8) {
    return fmt::format(" echo {} id={}{}", icmp[0] == 8 ? "request" : "reply", get16(icmp, 4),
                       payload_text(icmp.subspan(8)));
  }
  std::string text = fmt::format(" icmp {}/{}", icmp[0], icmp[1]);
  if (icmp[0] == 3 && icmp[1] == 4) text += fmt::format(" mtu={}", get16(icmp, 6));
  if (icmp.size() < 28) return text;
  return text + fmt::format(" about {} > {}", ip_text(get32(icmp, 20)), ip_text(get32(icmp, 24)));
}

}  // namespace

uint32_t address_of(const std::string& text) {
  in_addr address;
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) throw std::invalid_argument(text);
  return ntohl(address.s_addr);
}

Bytes udp(const Ip& ip, uint16_t source_port, uint16_t destination_port,
          const std::string& payload) {
  Bytes transport(8);
  put16(transport, 0, source_port);
  put16(transport, 2, destination_port);
  put16(transport, 4, static_cast<unsigned>(8 + payload.size()));
  append(transport, payload);
  Bytes packet = ip_packet(ip, 17, transport);
  close_transport(packet, 6, true);
  return packet;
}

Bytes tcp(const Ip& ip, const Tcp& tcp, const std::string& payload) {
  Bytes transport(tcp.mss != 0 ? 24 : 20);
  put16(transport, 0, tcp.source_port);
  put16(transport, 2, tcp.destination_port);
  put32(transport, 4, tcp.sequence);
  put32(transport, 8, tcp.acknowledgment);
  transport[12] = static_cast<uint8_t>(transport.size() / 4 << 4);
  transport[13] = tcp.flags;
  put16(transport, 14, 0xFFFF);
  if (tcp.mss != 0) {
    transport[20] = 2;
    transport[21] = 4;
    put16(transport, 22, tcp.mss);
  }
  append(transport, payload);
  Bytes packet = ip_packet(ip, 6, transport);
  close_transport(packet, 16, true);
  return packet;
}

Bytes echo(const Ip& ip, bool is_request, uint16_t identifier, const std::string& payload) {
  Bytes transport(8);
  transport[0] = is_request ? 8 : 0;
  put16(transport, 4, identifier);
  put16(transport, 6, 1);
  append(transport, payload);
  Bytes packet = ip_packet(ip, 1, transport);
  close_transport(packet, 2, false);
  return packet;
}

Bytes icmp_error(const Ip& ip, uint8_t type, uint8_t code, const Bytes& quoted) {
  Bytes transport(8);
  transport[0] = type;
  transport[1] = code;
  transport.insert(transport.end(), quoted.begin(),
                   quoted.begin() + static_cast<long>(std::min<size_t>(quoted.size(), 528)));
  Bytes packet = ip_packet(ip, 1, transport);
  close_transport(packet, 2, false);
  return packet;
}

std::vector<Bytes> fragments_of(const Bytes& packet, size_t data_length) {
  std::vector<Bytes> fragments;
  for (size_t at = 20; at < packet.size(); at += data_length) {
    const size_t end = std::min(at + data_length, packet.size());
    Bytes fragment(packet.begin(), packet.begin() + 20);
    fragment.insert(fragment.end(), packet.begin() + static_cast<long>(at),
                    packet.begin() + static_cast<long>(end));
    put16(fragment, 2, static_cast<unsigned>(fragment.size()));
    put16(fragment, 6, static_cast<unsigned>((end < packet.size() ? 0x2000 : 0) | (at - 20) / 8));
    put16(fragment, 10, 0);
    put16(fragment, 10, ~sum_of(std::span(fragment).first(20)) & 0xFFFF);
    fragments.push_back(fragment);
  }
  return fragments;
}

Bytes with_options(Bytes packet, const Bytes& options) {
  packet.insert(packet.begin() + 20, options.begin(), options.end());
  packet[0] = static_cast<uint8_t>(packet[0] + options.size() / 4);
  put16(packet, 2, static_cast<unsigned>(packet.size()));
  put16(packet, 10, 0);
  put16(packet, 10, ~sum_of(std::span(packet).first(20 + options.size())) & 0xFFFF);
  return packet;
}

Bytes labelled(const Bytes& packet, uint32_t label, bool is_bottom) {
  Bytes bytes(4 + packet.size());
  put32(bytes, 0, label << 12 | (is_bottom ? 0x100u : 0u) | 64);
  std::copy(packet.begin(), packet.end(), bytes.begin() + 4);
  return bytes;
}

Bytes frame(const Bytes& packet, uint16_t ethertype) {
  Bytes bytes = {0x02, 0xfa, 0, 0, 0, 1, 0x02, 0xf5, 0, 0, 0, 1, 0, 0};
  put16(bytes, 12, ethertype);
  bytes.insert(bytes.end(), packet.begin(), packet.end());
  return bytes;
}

Bytes arp_request(const std::string& sender, const std::string& target) {
  Bytes arp = {0, 1, 8, 0, 6, 4, 0, 1, 0x02, 0xf5, 0, 0, 0, 1};
  arp.resize(28);
  arp[13] = static_cast<uint8_t>(
      address_of(sender));  // the rig's instances have the MAC of their last octet
  put32(arp, 14, address_of(sender));
  put32(arp, 24, address_of(target));
  return frame(arp, 0x0806);
}

std::string text_of(std::span<const uint8_t> packet, bool is_checksum_partial) {
  if (packet.size() < 20 || packet[0] != 0x45)
    return fmt::format("not IPv4: {} bytes", packet.size());
  std::string text = fmt::format("{} > {} ttl={}", ip_text(get32(packet, 12)),
                                 ip_text(get32(packet, 16)), packet[8]);
  if (packet[1] != 0) text += fmt::format(" tos={:#04x}", packet[1]);
  if (get16(packet, 2) != packet.size())
    text += fmt::format(" LENGTH {} of {}", get16(packet, 2), packet.size());
  if (sum_of(packet.first(20)) != 0xFFFF) text += " BAD IP CHECKSUM";
  const unsigned flags_offset = get16(packet, 6);
  const auto transport = packet.subspan(20);
  if ((flags_offset & 0x3FFF) != 0) {
    return text + fmt::format(" fragment {}+{}{}", (flags_offset & 0x1FFF) * 8, transport.size(),
                              (flags_offset & 0x2000) != 0 ? " more" : "");
  }
  const uint32_t pseudo = packet[9] == 1 ? 0 : pseudo_sum(packet, transport.size());
  if (!is_checksum_partial && sum_of(transport, pseudo) != 0xFFFF) text += " BAD CHECKSUM";
  const size_t least = packet[9] == 6 ? 20 : 8;
  if (transport.size() < least) return text + fmt::format(" protocol {} cut short", packet[9]);
  switch (packet[9]) {
    case 1:
      return text + icmp_text(transport);
    case 6:
      return text + tcp_text(transport);
    case 17:
      return text + fmt::format(" udp {} > {}", get16(transport, 0), get16(transport, 2)) +
             payload_text(transport.subspan(8));
    default:
      return text + fmt::format(" protocol {}", packet[9]);
  }
}

}  // namespace farspan::dataplane::testing
