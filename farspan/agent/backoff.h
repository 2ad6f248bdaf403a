// SPDX-License-Identifier: Apache-2.0
// Backoff: when to try again what failed: soon at first, then ever more rarely.
#pragma once

#include <algorithm>
#include <chrono>

namespace farspan::agent {

using Clock = std::chrono::steady_clock;

class Backoff {
 public:
  constexpr Backoff(std::chrono::milliseconds first, std::chrono::milliseconds longest)
      : first_(first), longest_(longest), delay_(first) {}

  bool is_due(Clock::time_point now) const { return now >= next_; }
  /// When the next attempt is due; long past when nothing has failed.
  Clock::time_point next() const { return next_; }

  void failed(Clock::time_point now) {
    next_ = now + delay_;
    delay_ = std::min(delay_ * 2, longest_);
  }
  void succeeded() { *this = Backoff(first_, longest_); }
  /// The cause may be gone: the next attempt is due at once.
  void expedite() { succeeded(); }

 private:
  std::chrono::milliseconds first_, longest_, delay_;
  Clock::time_point next_ = Clock::time_point::min();
};

}  // namespace farspan::agent
