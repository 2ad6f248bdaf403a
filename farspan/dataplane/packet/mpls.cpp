// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/mpls.h"

namespace farspan::dataplane {

namespace {
constexpr uint32_t kBottomOfStack = 0x100;
}

void write_label(uint8_t* to, uint32_t label) {
  net::store_be32(to, label << 12 | kBottomOfStack | kLabelTtl);
}

std::optional<uint32_t> read_label(std::span<const uint8_t> packet) {
  if (packet.size() < kLabelLength) return std::nullopt;
  const auto& entry = net::header_at<net::MplsEntry>(packet.data());
  if (!entry.is_bottom() || entry.ttl() == 0 || entry.label() < kMinLabel) return std::nullopt;
  return entry.label();
}

}  // namespace farspan::dataplane
