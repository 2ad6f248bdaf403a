// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/arp.h"

#include <algorithm>
#include <cstring>

#include "farspan/dataplane/packet/parse.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using net::ArpPacket;
using net::EthernetHeader;

bool is_well_formed(const ArpPacket& arp) {
  const uint16_t operation = arp.operation.value();
  const bool is_from_group = (arp.sender_mac[0] & 1) != 0;  // no host has a group address
  return arp.hardware_type.value() == ArpPacket::kEthernet &&
         arp.protocol_type.value() == EthernetHeader::kIpv4 && arp.hardware_length == 6 &&
         arp.protocol_length == 4 && !is_from_group &&
         (operation == ArpPacket::kRequest || operation == ArpPacket::kReply);
}

}  // namespace

ArpAnswer answer_arp(std::span<const uint8_t> frame, uint32_t port_address,
                     const net::MacAddress& node_mac, std::array<uint8_t, kArpFrame>& reply) {
  ArpAnswer answer;
  if (frame.size() < kArpFrame) {
    answer.drop = DropReason::kMalformedArp;
    return answer;
  }
  const auto& request = net::header_at<ArpPacket>(frame.data() + sizeof(EthernetHeader));
  if (!is_well_formed(request)) {
    answer.drop = DropReason::kMalformedArp;
    return answer;
  }
  const uint32_t sought = request.target_address.value();
  const bool is_announcement = sought == request.sender_address.value();  // RFC 5227 §3
  if (request.operation.value() != ArpPacket::kRequest || sought == port_address ||
      is_announcement || is_martian(sought)) {
    return answer;
  }

  auto& ethernet = net::header_at<EthernetHeader>(reply.data());
  std::copy_n(request.sender_mac, 6, ethernet.destination);
  std::copy_n(node_mac.bytes.begin(), 6, ethernet.source);
  ethernet.type = EthernetHeader::kArp;
  auto& arp = net::header_at<ArpPacket>(reply.data() + sizeof(EthernetHeader));
  arp = request;
  arp.operation = ArpPacket::kReply;
  std::copy_n(node_mac.bytes.begin(), 6, arp.sender_mac);
  arp.sender_address = sought;
  std::copy_n(request.sender_mac, 6, arp.target_mac);
  arp.target_address = request.sender_address.value();
  answer.has_reply = true;
  return answer;
}

}  // namespace farspan::dataplane
