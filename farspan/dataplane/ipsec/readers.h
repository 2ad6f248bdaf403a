// SPDX-License-Identifier: Apache-2.0
// Readers: when nobody can be using any more what was taken out of a table under readers that never
// wait.
//
// Time is counted in removals. A reader writes down the count when a batch begins and wipes it when
// the batch is over; what was removed at a count is free when every reader is away or began later.
// A reader that sleeps is away, so nobody waits for it, and the writer never waits at all: it asks
// again later.
//
//   writer   unlink ▸ stamp = removed() ▸ … ▸ have_passed(stamp)? ▸ free
//   reader   enter() ▸ look things up, use them ▸ leave()
//
// Beside control/published.h, which frees whole snapshots: here tables change an entry at a time.
// Threads: removed(), have_passed() the writer's; each Reader its own.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "farspan/base/check.h"

namespace farspan::ipsec {

class Readers {
 public:
  static constexpr size_t kMost = 16;

  class Reader {
   public:
    /// What is found from now on stays until leave(). Sees every change made before it.
    void enter() noexcept {
      place_->store(count_->load(std::memory_order_seq_cst), std::memory_order_seq_cst);
      // Before any lookup: whoever removes something afterwards sees that we are here.
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    void leave() noexcept { place_->store(kAway, std::memory_order_release); }

   private:
    friend class Readers;
    Reader(std::atomic<uint64_t>* place, const std::atomic<uint64_t>* count)
        : place_(place), count_(count) {}
    std::atomic<uint64_t>* place_;
    const std::atomic<uint64_t>* count_;
  };

  /// A reader more, before it starts.
  Reader reader() {
    FS_CHECK(known_ < kMost);
    return Reader(&places_[known_++].began, &count_);
  }

  /// Stamps what was just taken out of the tables.
  uint64_t removed() { return count_.fetch_add(1, std::memory_order_seq_cst); }

  /// Whether no reader can have found what bears this stamp.
  bool have_passed(uint64_t stamp) const {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (size_t i = 0; i < known_; ++i) {
      const uint64_t began = places_[i].began.load(std::memory_order_seq_cst);
      if (began != kAway && began <= stamp) return false;
    }
    return true;
  }

 private:
  static constexpr uint64_t kAway = UINT64_MAX;
  struct alignas(64) Place {  // a line each: a reader writes its own twice a batch
    std::atomic<uint64_t> began{kAway};
  };

  alignas(64) std::atomic<uint64_t> count_{0};
  std::array<Place, kMost> places_;
  size_t known_ = 0;
};

}  // namespace farspan::ipsec
