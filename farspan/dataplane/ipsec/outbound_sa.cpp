// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/outbound_sa.h"

namespace farspan::ipsec {
namespace {

// A limit of 0 is none.
uint64_t earlier(uint64_t limit, uint64_t end) { return limit == 0 ? end : std::min(limit, end); }

}  // namespace

OutboundSa::OutboundSa(const crypto::Context& context, const SaDescription& description,
                       SlotClaim claim)
    : claim_(std::move(claim)),
      last_sequence_(earlier(description.limits.hard_packets, end_of_numbers(description.has_esn))),
      soft_sequence_(
          earlier(description.limits.soft_packets, end_of_numbers(description.has_esn) / 8 * 7)),
      spi_(description.spi),
      tunnel_(description.tunnel),
      reqid_(description.reqid),
      suite_(description.suite),
      lengths_{static_cast<uint8_t>(8 + description.suite.iv_length()),
               static_cast<uint8_t>(description.suite.block_length()),
               static_cast<uint8_t>(description.suite.icv_length())},
      has_esn_(description.has_esn),
      copying_(description.copying),
      path_(description.path),
      usage({description.limits.soft_bytes, description.limits.hard_bytes, 0, 0}),
      selectors_(description.selectors),
      keys_(context, description.suite, description.encryption_key.view(),
            description.integrity_key.view()) {
  usage.add(0, last_taken(), 0);  // what an earlier process sent counts too
}

uint32_t OutboundSa::max_inner_length(uint32_t outer_ip_mtu, bool is_udp_encapsulated) const {
  constexpr uint32_t kIpv4 = 20, kUdp = 8, kTrailer = 2;
  const uint32_t around = kIpv4 + (is_udp_encapsulated ? kUdp : 0) + prefix_length() + icv_length();
  if (outer_ip_mtu <= around) return 0;
  const uint32_t block = suite_.block_length();
  const uint32_t text = (outer_ip_mtu - around) / block * block;
  return text <= kTrailer ? 0 : text - kTrailer;
}

}  // namespace farspan::ipsec
