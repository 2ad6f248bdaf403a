// SPDX-License-Identifier: Apache-2.0
// shortcut: a packet that is like one before it goes straight from its port to the sender.
//
// Looked at here is all that may differ between two packets with the same FlowHeaders, by the rules
// of parse.h; whatever is not as usual is left to the stages.
#include "farspan/dataplane/pipeline/shortcut.h"

#include "farspan/dataplane/packet/pseudo_header.h"
#include "farspan/dataplane/packet/rewrite.h"
#include "farspan/dataplane/pipeline/pipeline.h"
#include "farspan/dataplane/pipeline/tcp_segment.h"
#include "farspan/net/checksum.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using net::Ipv4Header;
using net::TcpHeader;
using net::UdpHeader;
namespace protocol = net::protocol;

constexpr uint8_t kPlainVersion = 0x45;  // IPv4 without options
constexpr uint8_t kPlainTcpFlags = TcpHeader::kAck | TcpHeader::kPsh;

// Whether the transport header is whole, and of TCP opens or closes nothing.
// @param length  of the transport header and what is behind it, at least that of a UDP header
bool is_plain_transport(const uint8_t* transport, uint32_t length, uint8_t protocol) {
  if (protocol == protocol::kUdp) {
    const uint32_t said = net::header_at<UdpHeader>(transport).length.value();
    return said >= sizeof(UdpHeader) && said <= length;
  }
  if (length < sizeof(TcpHeader)) return false;
  const auto& tcp = net::header_at<TcpHeader>(transport);
  return tcp.header_length() >= sizeof(TcpHeader) && tcp.header_length() <= length &&
         (tcp.flags & ~kPlainTcpFlags) == 0 && !has_impossible_flags(tcp.flags);
}

// Whether the device asks for the checksum of the packet itself and nothing else.
bool asks_for_own_checksum(const VirtioHeader& virtio, const uint8_t* transport, uint32_t length,
                           uint8_t protocol) {
  return virtio.checksum_start == sizeof(net::EthernetHeader) + sizeof(Ipv4Header) &&
         virtio.checksum_offset == checksum_offset_of(protocol) &&
         (protocol == protocol::kTcp ||
          net::header_at<UdpHeader>(transport).length.value() == length);
}

}  // namespace

bool Pipeline::take_shortcut(PortIndex index, const VirtioHeader& virtio,
                             std::span<uint8_t> frame) {
  constexpr size_t kShortest = sizeof(net::EthernetHeader) + sizeof(Ipv4Header) + sizeof(UdpHeader);
  if (frame.size() < kShortest || virtio.gso_type != VirtioHeader::kNone ||
      virtio.header_length > frame.size() ||
      net::header_at<net::EthernetHeader>(frame.data()).type.value() != net::EthernetHeader::kIpv4)
    return false;
  uint8_t* const bytes = frame.data() + sizeof(net::EthernetHeader);
  const Shortcut* const known = shortcuts_.find(FlowHeaders(bytes), index);
  if (known == nullptr) return false;

  auto& ip = net::header_at<Ipv4Header>(bytes);
  const uint32_t length = ip.total_length.value();
  if (length < sizeof(Ipv4Header) + sizeof(UdpHeader) ||
      length > frame.size() - sizeof(net::EthernetHeader) || ip.ttl <= 1)
    return false;
  net::InternetSum sum;
  sum.add(bytes, sizeof ip);
  uint8_t* const transport = bytes + sizeof ip;
  const uint32_t transport_length = length - static_cast<uint32_t>(sizeof ip);
  if (!sum.is_intact() || !is_plain_transport(transport, transport_length, ip.protocol))
    return false;
  const uint32_t mtu = tunnel_mtu(*known->way.sa, known->way.label != 0);
  if (mtu < kSmallestMtu || length > mtu) return false;
  const bool needs_checksum = (virtio.flags & VirtioHeader::kNeedsChecksum) != 0;
  if (needs_checksum && !asks_for_own_checksum(virtio, transport, transport_length, ip.protocol))
    return false;
  if (ip.protocol == protocol::kTcp) {
    const uint32_t header_length = net::header_at<TcpHeader>(transport).header_length();
    const auto segment = tcp_segment_of(transport, transport_length - header_length);
    if (flows_.follow(known->hit, segment)) return false;
  }
  if (needs_checksum) complete_checksum(bytes, length);

  const PortEntry& port = tables_->at(index);
  counters_.add(Counter::kFromPort);
  port.counters->packets_in.add(1);
  port.counters->bytes_in.add(length);
  flows_.touch(known->hit, now_ms_, 1, length);
  decrement_ttl(ip);
  watch_sent(known->way, bytes, length);
  sender_.take(known->way, bytes, length);
  ++shortcuts_taken_;
  return true;
}

// For a packet that to_tunnel() lets the sender take, if it is a port's, has a flow, and the next
// one like it may go without. What the node says itself has none: an echo reply to an instance or
// an office leaves this way, too. Its headers are still its flow's: of what FlowHeaders keep no
// stage changes anything.
void Pipeline::remember_shortcut(const SuperPacket& packet, const Arrival& from,
                                 const EspSender::Way& way) {
  const bool is_plain = !from.is_own && decided_ && from.ingress.is_port() &&
                        packet.header[0] == kPlainVersion &&
                        has_pseudo_header(packet.parsed.protocol);
  if (!is_plain) return;
  shortcuts_.remember(FlowHeaders(packet.header), from.ingress.port(), way, decided_);
}

}  // namespace farspan::dataplane
