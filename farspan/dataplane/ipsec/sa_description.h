// SPDX-License-Identifier: Apache-2.0
// SaDescription: everything charon says about a new SA, checked and in our own words.
//
// Not here: the bytes it came in (sad_session.h), the SA at work (outbound_sa.h, inbound_sa.h).
#pragma once

#include <array>
#include <cstdint>

#include "farspan/crypto/context.h"
#include "farspan/dataplane/ipsec/outer_path.h"
#include "farspan/dataplane/ipsec/replay_window.h"
#include "farspan/dataplane/ipsec/sa_usage.h"
#include "farspan/dataplane/ipsec/selector.h"

namespace farspan::ipsec {

/// What of the inner header an SA copies to the outer one (RFC 4301 §5.1.2, RFC 2983, RFC 6040). DF
/// of the outer header is always set, and DSCP never copied inward.
struct HeaderCopying {
  bool ecn = true;
  bool dscp_outward = false;
  bool operator==(const HeaderCopying&) const = default;
};

/// Key bytes that vanish with their owner.
struct SecretBytes {
  std::array<uint8_t, 64> bytes{};
  uint8_t length = 0;
  SecretBytes() = default;
  SecretBytes(const SecretBytes&) = default;
  SecretBytes& operator=(const SecretBytes&) = default;
  ~SecretBytes() { crypto::zeroize(bytes); }
  std::span<const uint8_t> view() const { return {bytes.data(), length}; }
};

struct SaDescription {
  bool is_inbound = false;
  uint32_t spi = 0;     // host order
  uint32_t tunnel = 0;  // if_id; the IpsecConnection or Link
  uint32_t reqid = 0;
  crypto::Suite suite;
  SecretBytes encryption_key;  // with the salt of GCM at its end
  SecretBytes integrity_key;
  bool is_repeated = false;  // a data plane had it before: it has numbers, or has lost them
  bool has_esn = false;
  bool checks_replay = true;
  uint32_t replay_window = ReplayWindow::kUsual;  // packets, kLeast … kMost; inbound
  OuterPath path;
  HeaderCopying copying;
  TrafficSelectors selectors;  // outbound: source is ours; inbound: source is the peer's
  SaLimits limits;
  uint64_t hard_seconds = 0;  // lifetime from installation; 0: none
};

}  // namespace farspan::ipsec
