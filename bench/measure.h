// SPDX-License-Identifier: Apache-2.0
// How the benchmarks take time: cycles of the time-stamp counter, medians of many short turns.
//
// Two things that are to be compared take turns, so that a busy neighbour on the machine disturbs
// both alike, and the median throws away the turns in which it did.
#pragma once

#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace farspan::bench {

/// Cycles of the time-stamp counter in a nanosecond.
inline double tsc_per_ns() {
  const auto start = std::chrono::steady_clock::now();
  const uint64_t from = __rdtsc();
  while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(50)) {
  }
  const uint64_t cycles = __rdtsc() - from;
  return double(cycles) / double((std::chrono::steady_clock::now() - start).count());
}

class Stopwatch {
 public:
  /// One turn, in which `work` does something `count` times over.
  template <class Work>
  void time(size_t count, Work work) {
    const uint64_t from = __rdtsc();
    work();
    turns_.push_back(double(__rdtsc() - from) / double(count));
  }
  /// Cycles of one of them, in the median turn.
  double median() {
    std::nth_element(turns_.begin(), turns_.begin() + turns_.size() / 2, turns_.end());
    return turns_[turns_.size() / 2];
  }

 private:
  std::vector<double> turns_;
};

}  // namespace farspan::bench
