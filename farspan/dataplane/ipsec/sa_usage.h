// SPDX-License-Identifier: Apache-2.0
// SaUsage: how much an SA has carried, and whether that reaches its byte or packet limits (RFC 4301
// §4.4.2.1).
//
// Written by one worker, read by charon's thread at any time: relaxed atomics, each a plain
// store. Time limits are not here: the control side keeps those (sad.h).
#pragma once

#include <atomic>
#include <cstdint>

namespace farspan::ipsec {

struct SaLimits {  // 0: none
  uint64_t soft_bytes = 0, hard_bytes = 0, soft_packets = 0, hard_packets = 0;
};

class SaUsage {
 public:
  enum class Reached : uint8_t { kNothing, kSoft, kHard };

  explicit SaUsage(const SaLimits& limits)
      : has_limits_(limits.soft_bytes | limits.hard_bytes | limits.soft_packets |
                    limits.hard_packets),
        limits_(limits) {}

  /// Counts `packets` of `bytes` inner bytes in all, at `now_seconds` (CLOCK_MONOTONIC). Called by
  /// the worker.
  void add(uint64_t bytes, uint64_t packets, uint64_t now_seconds) {
    bytes_.store(bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
    packets_.store(packets_.load(std::memory_order_relaxed) + packets, std::memory_order_relaxed);
    last_use_seconds_.store(now_seconds, std::memory_order_relaxed);
  }
  Reached reached() const {
    if (!has_limits_) return Reached::kNothing;
    if (is_over(limits_.hard_bytes, bytes()) || is_over(limits_.hard_packets, packets()))
      return Reached::kHard;
    if (is_over(limits_.soft_bytes, bytes()) || is_over(limits_.soft_packets, packets()))
      return Reached::kSoft;
    return Reached::kNothing;
  }

  /// How many of `packets` packets of `bytes_each` may pass before a hard limit is reached.
  uint32_t admitted(uint32_t packets, uint32_t bytes_each) const {
    if (!has_limits_) return packets;
    uint32_t count = 0;
    while (count < packets &&
           !is_over(limits_.hard_bytes, bytes() + uint64_t{count} * bytes_each) &&
           !is_over(limits_.hard_packets, this->packets() + count)) {
      ++count;
    }
    return count;
  }

  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t packets() const { return packets_.load(std::memory_order_relaxed); }
  uint64_t last_use_seconds() const {
    return last_use_seconds_.load(std::memory_order_relaxed);
  }  // 0: never

 private:
  static bool is_over(uint64_t limit, uint64_t value) { return limit != 0 && value >= limit; }

  std::atomic<uint64_t> bytes_{0}, packets_{0}, last_use_seconds_{0};
  bool has_limits_;
  SaLimits limits_;
};

}  // namespace farspan::ipsec
