// SPDX-License-Identifier: Apache-2.0
// ReplayWindow: which ESP sequence numbers one inbound SA has already let in.
//
// check() is asked before the ICV is verified and changes nothing, accept() is told afterwards: a
// forged packet must not be able to move the window (RFC 4303 §3.4.3). Bits live in a ring of
// 64-bit words, and advancing empties whole words instead of shifting (the idea of RFC 6479).
//
//   ring word   k-16 … k-1   k      k = newest / 64, slot k % 32
//               ####.###    ##^.    # = let in, ^ = newest
//
// It lies in shared memory and must survive kill -9 between any two instructions
// (sequence_arena.h). Therefore newest_ moves before words are emptied: dying in between leaves
// stale bits, which refuse a packet or two, and never a hole that would let a replay in.
//
// Not here: the high half of an ESN (esn.h). Threads: the worker that owns the SA.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace farspan::ipsec {

enum class ReplayVerdict : uint8_t { kFresh, kZero, kReplayed, kTooOld };

class ReplayWindow {
 public:
  static constexpr uint64_t kSize = 1024;  // packets; RFC 4303 §3.4.3 asks for at least 32

  /// Says whether the 64-bit number `sequence` could be new. Changes nothing.
  [[nodiscard]] ReplayVerdict check(uint64_t sequence) const {
    if (sequence == 0) return ReplayVerdict::kZero;  // senders begin with 1 (§3.3.3)
    if (sequence > newest_) return ReplayVerdict::kFresh;
    if (newest_ - sequence >= kSize) return ReplayVerdict::kTooOld;
    return words_[slot(sequence)] & bit(sequence) ? ReplayVerdict::kReplayed
                                                  : ReplayVerdict::kFresh;
  }

  /// Lets `sequence` in once its ICV is verified; refuses what another packet of the same batch
  /// took meanwhile.
  [[nodiscard]] ReplayVerdict accept(uint64_t sequence) {
    const ReplayVerdict verdict = check(sequence);
    if (verdict != ReplayVerdict::kFresh) return verdict;
    if (sequence > newest_) advance(sequence);
    words_[slot(sequence)] |= bit(sequence);
    return verdict;
  }

  uint64_t newest() const { return newest_; }
  /// Asks the cache for the word of the number whose low half this is.
  void prefetch(uint32_t low) const { __builtin_prefetch(&words_[slot(low)], 1); }

 private:
  static constexpr uint64_t kWords =
      32;  // 17 hold any window of 1024; a power of two makes slots cheap
  static_assert(kSize + 64 <= kWords * 64);

  static constexpr uint64_t slot(uint64_t sequence) { return sequence / 64 % kWords; }
  static constexpr uint64_t bit(uint64_t sequence) { return uint64_t{1} << (sequence % 64); }

  void advance(uint64_t sequence) {
    const uint64_t before = newest_ / 64, after = sequence / 64;
    newest_ = sequence;
    std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the order of stores, see above
    const uint64_t stale = after - before < kWords ? after - before : kWords;
    for (uint64_t back = 0; back < stale; ++back) words_[(after - back) % kWords] = 0;
  }

  uint64_t newest_ = 0;  // 0: nothing yet
  std::array<uint64_t, kWords> words_{};
};

}  // namespace farspan::ipsec
