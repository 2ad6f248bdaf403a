// SPDX-License-Identifier: Apache-2.0
// WaitSet: what a thread that talks waits for: descriptors that can be read, a tick every second,
// and its end.
//
// Threads: stop() anywhere, all else on the thread that waits.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <optional>
#include <span>

#include "farspan/base/unique_fd.h"

namespace farspan::dataplane {

class WaitSet {
 public:
  WaitSet();

  /// False, with errno, when the kernel has no room for it, or had none for the set itself.
  bool watch(int fd);
  /// Whether a watched descriptor is also waited for until it has room.
  void watch_for_room(int fd, bool is_wanted);

  /// What is ready, tick() among it; nothing when stop() was called.
  std::optional<std::span<const epoll_event>> wait();
  void stop() const;

  int tick() const { return tick_.get(); }
  /// Until the next second tick() is ready no more.
  void take_tick() const;

 private:
  UniqueFd set_, tick_, end_;
  std::array<epoll_event, 16> ready_;
};

}  // namespace farspan::dataplane
