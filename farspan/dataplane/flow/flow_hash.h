// SPDX-License-Identifier: Apache-2.0
// FlowHash: where flows stand in the index, so that a peer cannot choose where.
//
// Pair-multiply-shift under a random key (Thorup, "High Speed Hashing for Integers and Strings",
// 2015, §3.5): strongly universal, so any two flows collide with probability 2^-32 whatever they
// are, as long as nobody knows the key; three multiplications. A bijection of the result follows,
// because linear probing does not like the arithmetic progressions that consecutive ports would
// become. SipHash-1-3 was tried first and took four times as long; what it has more, secrecy of
// the key against somebody who sees hash values, is not needed where nobody does.
//
// Threads: values. Never allocates.
#pragma once

#include <array>
#include <cstdint>

namespace farspan::dataplane {

class FlowHash {
 public:
  using Key = std::array<uint64_t, 7>;

  constexpr explicit FlowHash(const Key& key) : key_(key) {}
  /// One with a key from the kernel's random source.
  static FlowHash random();

  constexpr uint32_t operator()(const std::array<uint32_t, 6>& words) const noexcept {
    const uint64_t sum = (key_[0] + words[1]) * (key_[1] + words[0]) +
                         (key_[2] + words[3]) * (key_[3] + words[2]) +
                         (key_[4] + words[5]) * (key_[5] + words[4]) + key_[6];
    auto hash = static_cast<uint32_t>(sum >> 32);
    hash = (hash ^ hash >> 16) * 0x9E3779B1;  // odd, so nothing is lost
    return hash ^ hash >> 15;
  }

 private:
  Key key_;
};

}  // namespace farspan::dataplane
