// SPDX-License-Identifier: Apache-2.0
// ReplayWindow: which ESP sequence numbers one inbound SA has already let in.
//
// check() is asked before the ICV is verified and changes nothing, accept() is told afterwards: a
// forged packet must not be able to move the window (RFC 4303 §3.4.3). Bits live in a ring of
// 64-bit words, and advancing empties whole words instead of shifting (the idea of RFC 6479). A
// view: the newest number and the ring lie in the arena.
//
//   ring word   k-16 … k-1   k      k = newest / 64, slot k % words
//               ####.###    ##^.    # = let in, ^ = newest
//
// That is shared memory and must survive kill -9 between any two instructions (sequence_arena.h).
// Therefore the newest number moves before words are emptied: dying in between leaves stale bits,
// which refuse a packet or two, and never a hole that would let a replay in.
//
// Not here: the high half of an ESN (esn.h). Threads: the worker that owns the SA.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>

namespace farspan::ipsec {

enum class ReplayVerdict : uint8_t { kFresh, kZero, kReplayed, kTooOld };

class ReplayWindow {
 public:
  // Packets. RFC 4303 §3.4.3 asks for at least 32 and prefers 64.
  static constexpr uint32_t kLeast = 64, kUsual = 1024, kMost = 4096;

  /// What a ring for `size` packets takes: a word more than the window, made a power of two.
  static constexpr uint32_t words_for(uint32_t size) { return std::bit_ceil((size + 63) / 64 + 1); }

  /// @param newest  0: nothing yet; @param words  words_for(size), zeros at first
  /// @param size  kLeast … kMost
  ReplayWindow(uint64_t& newest, uint64_t* words, uint32_t size)
      : newest_(&newest), words_(words), size_(size), in_ring_(words_for(size) - 1) {}

  /// Says whether the 64-bit number `sequence` could be new. Changes nothing.
  [[nodiscard]] ReplayVerdict check(uint64_t sequence) const {
    if (sequence == 0) return ReplayVerdict::kZero;  // senders begin with 1 (§3.3.3)
    if (sequence > *newest_) return ReplayVerdict::kFresh;
    if (*newest_ - sequence >= size_) return ReplayVerdict::kTooOld;
    return words_[slot(sequence)] & bit(sequence) ? ReplayVerdict::kReplayed
                                                  : ReplayVerdict::kFresh;
  }

  /// Lets `sequence` in once its ICV is verified; refuses what another packet of the same batch
  /// took meanwhile.
  [[nodiscard]] ReplayVerdict accept(uint64_t sequence) {
    const ReplayVerdict verdict = check(sequence);
    if (verdict != ReplayVerdict::kFresh) return verdict;
    if (sequence > *newest_) advance(sequence);
    words_[slot(sequence)] |= bit(sequence);
    return verdict;
  }

  uint64_t newest() const { return *newest_; }
  uint32_t size() const { return size_; }
  /// Asks the cache for what a packet with this low half looks at.
  void prefetch(uint32_t low) const {
    __builtin_prefetch(newest_, 1);
    __builtin_prefetch(&words_[slot(low)], 1);
  }

 private:
  uint64_t slot(uint64_t sequence) const { return sequence / 64 & in_ring_; }
  static constexpr uint64_t bit(uint64_t sequence) { return uint64_t{1} << (sequence % 64); }

  void advance(uint64_t sequence) {
    const uint64_t before = *newest_ / 64, after = sequence / 64;
    *newest_ = sequence;
    std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the order of stores, see above
    const uint64_t stale = std::min<uint64_t>(after - before, in_ring_ + 1u);
    for (uint64_t back = 0; back < stale; ++back) words_[(after - back) & in_ring_] = 0;
  }

  uint64_t* newest_;
  uint64_t* words_;
  uint32_t size_, in_ring_;
};

}  // namespace farspan::ipsec
