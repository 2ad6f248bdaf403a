// SPDX-License-Identifier: Apache-2.0
// InboundSa: one ESP security association from a peer to us, as the worker that opens with it sees
// it.
//
// A packet passes it in two steps: identify() says which 64-bit number the packet claims and
// whether that could be new; accept() is called when the ICV has proved the claim. Only then may
// the window, the usage or the peer's address move.
//
// Not here: the transform (esp.h), finding the SA (sad_view.h), the outbound side (outbound_sa.h).
// Threads: identify(), accept(): the worker. path(), usage, moved_to: any. move_path(), forget():
// charon's thread. Standards: RFC 4303 §3.4 and appendix A2.
#pragma once

#include <cstdint>

#include "farspan/crypto/keys.h"
#include "farspan/dataplane/ipsec/esn.h"
#include "farspan/dataplane/ipsec/live_table.h"
#include "farspan/dataplane/ipsec/sa_description.h"
#include "farspan/dataplane/ipsec/sequence_arena.h"

namespace farspan::ipsec {

class alignas(64) InboundSa : public LiveLink<InboundSa> {
 public:
  InboundSa(const crypto::Context& context, const SaDescription& description, SlotClaim claim);

  uint32_t spi() const { return spi_; }  // host order
  uint32_t tunnel() const { return tunnel_; }
  uint32_t reqid() const { return reqid_; }
  const crypto::Keys& keys() const { return keys_; }
  bool has_esn() const { return has_esn_; }
  /// Source is the peer's side: an inner packet must be covered before it is routed (RFC 4301
  /// §5.2).
  const TrafficSelectors& selectors() const { return selectors_; }
  OuterPath path() const { return path_.current(); }

  struct Claimed {
    uint64_t sequence;      // 64 bits even without ESN
    ReplayVerdict verdict;  // kFresh: go on
  };
  /// What the 32 bits of the header stand for. Changes nothing.
  [[nodiscard]] Claimed identify(uint32_t low) const {
    if (!has_esn_) return {low, checks_replay_ ? window_.check(low) : ReplayVerdict::kFresh};
    const auto sequence = infer_sequence(window_.newest(), low, window_.size());
    if (!sequence) return {0, ReplayVerdict::kTooOld};
    return {*sequence, window_.check(*sequence)};
  }
  /// Lets an authentic packet in.
  [[nodiscard]] ReplayVerdict accept(uint64_t sequence) {
    if (!checks_replay_) return ReplayVerdict::kFresh;
    return window_.accept(sequence);
  }
  uint64_t newest() const { return window_.newest(); }

  crypto::Suite suite() const { return suite_; }

  /// Asks the cache for what opening reads, in two steps: the second needs the answer of the first.
  void prefetch() const {
    __builtin_prefetch(this, 1);
    __builtin_prefetch(reinterpret_cast<const char*>(this) + 64, 1);
    __builtin_prefetch(reinterpret_cast<const char*>(this) + 128, 1);
  }
  void prefetch_behind(uint32_t text_length, uint32_t low) const {
    window_.prefetch(low);
    keys_.prefetch(text_length);
  }

 private:  // what every packet touches comes first, in three cache lines
  SlotClaim claim_;
  ReplayWindow window_;
  uint32_t spi_, tunnel_, reqid_;
  crypto::Suite suite_;
  bool has_esn_, checks_replay_;

 public:
  SaUsage::Reached reported =
      SaUsage::Reached::kNothing;  // the worker's: limit already told to charon
  SharedEndpoint moved_to;         // the worker writes: where the peer is; {}: where path() says

 private:
  MovablePath path_;

 public:
  SaUsage usage;
  SaUsage::Reached reached() const { return usage.reached(); }
  /// A hard limit is reached: nothing passes any more.
  bool is_over() const { return reached() == SaUsage::Reached::kHard; }

  // The worker's: the last move that charon was told, and when.
  Endpoint told_move;
  uint64_t told_at_seconds = 0;

  void move_path(const OuterPath& path) { path_.move(path); }
  void forget() { claim_.forget(); }

 private:
  TrafficSelectors selectors_;
  crypto::Keys keys_;
};

}  // namespace farspan::ipsec
