// SPDX-License-Identifier: Apache-2.0
// OutboundSa: one ESP security association from us to a peer, as the worker that seals with it sees
// it.
//
// Its sequence counter lies in the arena and is raised before the packet leaves, so that no number
// is used twice, not even after kill -9 (sequence_arena.h). Keys lie inline so that they can be
// prefetched.
//
// Not here: the transform (esp.h), which SA a packet takes (sad_view.h), the inbound side
// (inbound_sa.h). Threads: take_sequences(), mtu: the worker. path(), usage: any. move_path(),
// forget(): charon's thread. Standards: RFC 4303 §3.3, RFC 4301 §4.4.2.
#pragma once

#include <algorithm>
#include <cstdint>

#include "farspan/crypto/keys.h"
#include "farspan/dataplane/ipsec/sa_description.h"
#include "farspan/dataplane/ipsec/sequence_arena.h"

namespace farspan::ipsec {

/// What the worker goes by towards the peer (dataplane/path).
struct PathMtu {
  uint32_t underlay_mtu = 0;   // largest outer IPv4 packet; 0: not known yet
  uint32_t learnt_for = 0;     // OutboundSa::moves(); another path: learn again
  uint32_t epoch = 0;          // the pipeline's; another one: learn again
  bool may_fragment = false;   // outside, so without DF
  uint64_t fresh_until = 0;    // CLOCK_MONOTONIC, seconds
  uint32_t largest_inner = 0;  // inner packet that fits it
};

class alignas(64) OutboundSa {
 public:
  OutboundSa(const crypto::Context& context, const SaDescription& description, SlotClaim claim);

  uint32_t spi() const { return spi_; }  // host order
  uint32_t tunnel() const { return tunnel_; }
  uint32_t reqid() const { return reqid_; }
  crypto::Suite suite() const { return suite_; }
  const crypto::Keys& keys() const { return keys_; }
  bool has_esn() const { return has_esn_; }
  const HeaderCopying& copying() const { return copying_; }
  const TrafficSelectors& selectors() const { return selectors_; }
  OuterPath path() const { return path_.current(); }
  uint32_t moves() const { return path_.moves(); }  // of the path, so far

  /// Bytes in front of the inner packet: SPI, sequence number, IV.
  uint32_t prefix_length() const { return lengths_.prefix; }
  uint32_t icv_length() const { return lengths_.icv; }
  /// Bytes of the whole ESP packet around `inner` bytes.
  uint32_t sealed_length(uint32_t inner) const {
    const uint32_t in_block = lengths_.block - 1u;
    return lengths_.prefix + ((inner + 2 + in_block) & ~in_block) + lengths_.icv;
  }
  /// The largest inner packet whose outer IPv4 packet (20-byte header, and UDP if so encapsulated)
  /// fits `outer_ip_mtu`; 0 when none does.
  uint32_t max_inner_length(uint32_t outer_ip_mtu, bool is_udp_encapsulated) const;

  struct Sequences {
    uint64_t first;
    uint32_t count;
  };
  static constexpr uint64_t end_of_numbers(bool has_esn) {
    return has_esn ? UINT64_MAX : UINT32_MAX;
  }
  /// The next `wanted` sequence numbers, or as many as there are left (RFC 4303 §3.3.3). Recorded
  /// before they are returned.
  [[nodiscard]] Sequences take_sequences(uint32_t wanted) {
    uint64_t& sent = SequenceArena::sent(claim_.slot());
    const uint64_t left = sent < last_sequence_ ? last_sequence_ - sent : 0;
    const auto count = static_cast<uint32_t>(std::min<uint64_t>(wanted, left));
    const uint64_t first = sent + 1;
    sent += count;
    return {first, count};
  }
  uint64_t last_taken() const { return SequenceArena::sent(claim_.slot()); }
  /// Whether all numbers that can stand in a packet are used up.
  bool is_exhausted() const { return last_taken() == end_of_numbers(has_esn_); }
  /// Limits of packets are limits of numbers, which outlive this process; numbers end by themselves
  /// too, and are replaced in time.
  SaUsage::Reached reached() const {
    const uint64_t sent = last_taken();
    if (sent >= last_sequence_) return SaUsage::Reached::kHard;
    return std::max(usage.reached(),
                    sent >= soft_sequence_ ? SaUsage::Reached::kSoft : SaUsage::Reached::kNothing);
  }

  /// Asks the cache for what sealing reads, in two steps: the second needs the answer of the first.
  void prefetch() const {
    __builtin_prefetch(this, 1);
    __builtin_prefetch(reinterpret_cast<const char*>(this) + 64, 1);
    __builtin_prefetch(reinterpret_cast<const char*>(this) + 128, 1);
  }
  void prefetch_behind(uint32_t text_length) const {
    __builtin_prefetch(&claim_.slot().number, 1);
    keys_.prefetch(text_length);
  }

 private:  // what every packet touches comes first, in three cache lines
  SlotClaim claim_;
  uint64_t last_sequence_, soft_sequence_;
  uint32_t spi_, tunnel_, reqid_;
  crypto::Suite suite_;
  struct {
    uint8_t prefix, block, icv;
  } lengths_;  // of the suite; a block is a power of two
  bool has_esn_;
  HeaderCopying copying_;

 public:
  SaUsage::Reached reported =
      SaUsage::Reached::kNothing;  // the worker's: limit already told to charon
  PathMtu mtu;                     // the worker's

 private:
  MovablePath path_;

 public:
  SaUsage usage;
  void move_path(const OuterPath& path) { path_.move(path); }
  void forget() { claim_.forget(); }

 private:
  TrafficSelectors selectors_;
  crypto::Keys keys_;
};

}  // namespace farspan::ipsec
