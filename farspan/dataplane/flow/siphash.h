// SPDX-License-Identifier: Apache-2.0
// SipHash: a keyed hash of a few words that an outsider can neither predict nor make collide.
//
// After Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012); over whole 64-bit words
// only, the last of which counts as the paper's padded block when the caller puts the length there.
// The flow table uses SipHash-1-3, which is what hash tables commonly use; the test holds 2-4
// against the paper's vector.
//
// Threads: values. Never allocates.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace farspan::dataplane {

struct SipKey {
  uint64_t k0 = 0, k1 = 0;
  /// A key from the kernel's random source.
  static SipKey random();
};

template <int kCompressionRounds, int kFinalRounds>
constexpr uint64_t siphash(const SipKey& key, std::span<const uint64_t> words) {
  uint64_t v0 = key.k0 ^ 0x736f6d6570736575, v1 = key.k1 ^ 0x646f72616e646f6d;
  uint64_t v2 = key.k0 ^ 0x6c7967656e657261, v3 = key.k1 ^ 0x7465646279746573;
  const auto round = [&] {
    v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
  };
  for (const uint64_t word : words) {
    v3 ^= word;
    for (int i = 0; i < kCompressionRounds; ++i) round();
    v0 ^= word;
  }
  v2 ^= 0xff;
  for (int i = 0; i < kFinalRounds; ++i) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace farspan::dataplane
