// SPDX-License-Identifier: Apache-2.0
// Pace: how long must be waited before the next message of a node is read?
//
// Each message costs time by its weight, and some seconds of it may be spent in advance: a node
// whose thousand tunnels come up at once says so at once. (The generic cell rate algorithm, ITU-T
// I.371 annex A.) Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace farspan::controller {

class Pace {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kEach{50};  // 20 messages a second
  static constexpr std::chrono::seconds kInAdvance{5};   // 100 of them in a row
  static constexpr size_t kBytesOfEach = 4 << 20;        // and once more for so much of weight

  /// A message of `weight` bytes (message_weight.h) came `now`: the next may be read after this.
  std::chrono::steady_clock::duration after(size_t weight, Time now) {
    paid_until_ = std::max(paid_until_, now) + kEach + kEach * weight / kBytesOfEach;
    return std::max<std::chrono::steady_clock::duration>(paid_until_ - now - kInAdvance, {});
  }

 private:
  Time paid_until_;
};

}  // namespace farspan::controller
