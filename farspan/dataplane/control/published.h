// SPDX-License-Identifier: Apache-2.0
// Published: immutable snapshots from one writer to readers that never wait.
//
// Each reader owns one hazard pointer: it names the snapshot it works with for one batch, and the
// writer frees what is neither current nor named. Not a shared_ptr, whose count all workers would
// write; not an epoch, which would make the writer wait for a worker that sleeps in epoll.
//
//   writer   publish(new) ─▶ current_        free what is retired and in no hazard
//   reader   acquire(): hazard = current, look again, … batch …, quiesce(): hazard = nothing
//
// Threads: publish() and collect() on the agent's thread; each Reader on its own worker.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "farspan/base/check.h"

namespace farspan::dataplane {

template <class T, size_t kMaxReaders = 16>
class Published {
 public:
  class Reader {
   public:
    /// The current snapshot, valid until quiesce(). Every acquire() sees what was published before
    /// it.
    const T& acquire() noexcept {
      const T* snapshot = owner_->current_.load(std::memory_order_seq_cst);
      for (;;) {
        hazard_->store(snapshot, std::memory_order_seq_cst);
        // published in between: the writer may not have seen the hazard
        const T* again = owner_->current_.load(std::memory_order_seq_cst);
        if (again == snapshot) return *snapshot;
        snapshot = again;
      }
    }
    /// Says that nothing of the acquired snapshot is used any more.
    void quiesce() noexcept { hazard_->store(nullptr, std::memory_order_release); }

   private:
    friend class Published;
    Reader(const Published* owner, std::atomic<const T*>* hazard)
        : owner_(owner), hazard_(hazard) {}
    const Published* owner_;
    std::atomic<const T*>* hazard_;
  };

  explicit Published(std::unique_ptr<const T> first) : current_(first.get()) {
    snapshots_.push_back(std::move(first));
  }
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  /// A reader for one more worker; before that worker starts.
  Reader reader() {
    FS_CHECK(readers_ < kMaxReaders);
    return Reader(this, &hazards_[readers_++].snapshot);
  }

  /// Makes `next` what readers acquire from now on, and frees what nobody uses any more.
  void publish(std::unique_ptr<const T> next) {
    current_.store(next.get(), std::memory_order_seq_cst);
    snapshots_.push_back(std::move(next));
    collect();
  }

  /// Frees the snapshots that nobody uses any more. @return those that wait for a reader
  size_t collect() {
    std::array<const T*, kMaxReaders> used{};
    for (size_t i = 0; i < readers_; ++i)
      used[i] = hazards_[i].snapshot.load(std::memory_order_seq_cst);
    const auto is_unused = [&](const std::unique_ptr<const T>& snapshot) {
      return snapshot.get() != snapshots_.back().get() &&
             std::find(used.begin(), used.end(), snapshot.get()) == used.end();
    };
    std::erase_if(snapshots_, is_unused);
    return snapshots_.size() - 1;
  }

  /// The current snapshot, for that thread itself: valid until its next publish().
  const T& current() const { return *snapshots_.back(); }

 private:
  struct alignas(64) Hazard {  // a line each: a reader writes its own twice a batch
    std::atomic<const T*> snapshot{nullptr};
  };
  alignas(64) std::atomic<const T*> current_;
  std::array<Hazard, kMaxReaders> hazards_;
  size_t readers_ = 0;
  std::vector<std::unique_ptr<const T>> snapshots_;  // oldest first; the last is the current one
};

}  // namespace farspan::dataplane
