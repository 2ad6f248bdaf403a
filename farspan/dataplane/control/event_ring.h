// SPDX-License-Identifier: Apache-2.0
// EventRing: what the worker tells a thread that talks, without lock, wait or allocation.
//
// A single-producer single-consumer ring of trivially copyable events and an eventfd that wakes the
// consumer. A full ring loses the event and counts it: events must be such that losing one only
// delays (a peer's new address is noticed again with its next packet).
//
// Threads: push() on one thread, pop() and clear_wakeup() on one other.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "farspan/base/check.h"
#include "farspan/base/unique_fd.h"

namespace farspan::dataplane {

template <class Event, uint32_t kSize = 1024>
class EventRing {
  static_assert(std::is_trivially_copyable_v<Event>);
  static_assert((kSize & (kSize - 1)) == 0, "positions wrap with 2^32");

 public:
  EventRing() : wakeup_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { FS_CHECK(wakeup_.valid()); }

  /// Readable when events wait; for the consumer's epoll.
  int fd() const { return wakeup_.get(); }

  /// False when the ring is full; the event is lost and counted.
  bool push(const Event& event) noexcept {
    const uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kSize) {
      lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return false;
    }
    events_[tail % kSize] = event;
    tail_.store(tail + 1, std::memory_order_release);
    const uint64_t one = 1;
    // fails only when 2^64 - 2 wake-ups are pending: then it is readable anyway
    [[maybe_unused]] const ssize_t written = ::write(wakeup_.get(), &one, sizeof(one));
    return true;
  }

  /// Makes fd() unreadable. Call before popping until empty, so that an event pushed meanwhile
  /// wakes again.
  void clear_wakeup() noexcept {
    uint64_t pending;
    [[maybe_unused]] const ssize_t got = ::read(wakeup_.get(), &pending, sizeof(pending));
  }

  std::optional<Event> pop() noexcept {
    const uint32_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return std::nullopt;
    const Event event = events_[head % kSize];
    head_.store(head + 1, std::memory_order_release);
    return event;
  }

  /// Events that found the ring full.
  uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  std::array<Event, kSize> events_;
  alignas(64) std::atomic<uint32_t> head_{0};
  alignas(64) std::atomic<uint32_t> tail_{0};
  std::atomic<uint64_t> lost_{0};
  UniqueFd wakeup_;
};

}  // namespace farspan::dataplane
