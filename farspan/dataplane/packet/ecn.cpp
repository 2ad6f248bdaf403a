// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/ecn.h"

#include "farspan/dataplane/packet/rewrite.h"

namespace farspan::dataplane {
namespace {

constexpr uint8_t kDrop = 0xff;

// RFC 6040 §4.2, figure 4: [inner][outer], both in the order of the code points 00, 01, 10, 11.
constexpr uint8_t kOutgoing[4][4] = {
    //            Not-ECT  ECT(1)   ECT(0)   CE
    /* Not-ECT */ {kNotEct, kNotEct, kNotEct, kDrop},
    /* ECT(1)  */ {kEct1, kEct1, kEct1, kCe},
    /* ECT(0)  */ {kEct0, kEct1, kEct0, kCe},
    /* CE      */ {kCe, kCe, kCe, kCe},
};

}  // namespace

std::optional<DropReason> decapsulate_ecn(SuperPacket& packet) {
  const uint8_t tos = packet.parsed.tos;
  const uint8_t inner = tos & kEcnMask;
  const uint8_t outgoing = kOutgoing[inner][packet.outer_ecn & kEcnMask];
  if (outgoing == kDrop) return DropReason::kEcnInvalid;
  if (outgoing != inner) set_tos(packet, static_cast<uint8_t>((tos & ~kEcnMask) | outgoing));
  return std::nullopt;
}

}  // namespace farspan::dataplane
