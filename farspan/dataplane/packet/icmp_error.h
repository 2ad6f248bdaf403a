// SPDX-License-Identifier: Apache-2.0
// What the router says by ICMP: errors about packets it could not forward, and replies to echo
// requests.
//
// Errors quote as much as fits 576 bytes (RFC 1812 §4.3.2.3). About a train the quote is its first
// wire packet: that is what the sender believes to have sent.
//
// Not here: understanding errors of others (icmp_quote.h), whether a VRF has a router address (the
// pipeline). Threads: pure; TokenBucket belongs to one worker. Standards: RFC 792, RFC 1191 §4, RFC
// 1812 §4.3.2, RFC 1122 §3.2.2.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "farspan/dataplane/packet/super_packet.h"

namespace farspan::dataplane {

enum class IcmpError : uint8_t {
  kNetUnreachable,
  kHostUnreachable,
  kProtocolUnreachable,
  kPortUnreachable,
  kFragmentationNeeded,
  kTtlExceeded,
};

inline constexpr size_t kMaxIcmpError = 576;

/// May an error be sent about this packet? Not about ICMP errors, later fragments, or packets whose
/// source or destination is not one host (RFC 1812 §4.3.2.7, RFC 1122 §3.2.2).
[[nodiscard]] bool may_report(const SuperPacket& about);

/// Writes the IPv4 packet with the error to `to` and answers its length. Changes nothing in
/// `about`; call it before the TTL is decremented, so that the quote is what the sender sent.
///
/// @param router        source address, host order
/// @param next_hop_mtu  for kFragmentationNeeded (RFC 1191 §4); 0 otherwise
/// @pre   may_report(about)
uint32_t write_icmp_error(const SuperPacket& about, IcmpError error, uint32_t router,
                          uint16_t next_hop_mtu, std::span<uint8_t, kMaxIcmpError> to);

/// True when `packet` is an echo request and whole.
[[nodiscard]] bool is_echo_request(const SuperPacket& packet);

/// Turns an echo request into its reply, in place: addresses swapped, TTL 64, checksums updated.
/// @pre is_echo_request(packet)
void make_echo_reply(SuperPacket& packet);

/// How many messages may be sent: `rate` a second, `burst` at once (RFC 1812 §4.3.2.8).
class TokenBucket {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  TokenBucket(uint32_t rate_per_second, uint32_t burst)
      : interval_(std::chrono::nanoseconds(std::chrono::seconds(1)) / rate_per_second),
        depth_(interval_ * burst) {}

  /// Takes one token, if there is one.
  [[nodiscard]] bool take(Instant now) {
    const Instant earliest = now - depth_;
    if (spent_until_ < earliest) spent_until_ = earliest;
    if (spent_until_ + interval_ > now) return false;
    spent_until_ += interval_;
    return true;
  }

 private:
  std::chrono::nanoseconds interval_;
  std::chrono::nanoseconds depth_;
  Instant spent_until_{};  // tokens up to here are taken
};

}  // namespace farspan::dataplane
