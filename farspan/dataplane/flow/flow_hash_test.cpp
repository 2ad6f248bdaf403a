// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/flow/flow_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace farspan::dataplane {
namespace {

// The fullest of 2^16 buckets when 2^16 keys are put in; 2^16 throws of dice reach 12 less than
// once in 1,000 times (expected at 12 and above: 2^16 · e^-1 / 12! = 5e-5).
size_t fullest_bucket(const FlowHash& hash, uint32_t step, size_t word) {
  std::vector<size_t> buckets(1 << 16);
  std::array<uint32_t, 6> words = {0x0A000001, 0xAC100101, 443, 7, 6, 0};
  for (uint32_t i = 0; i < buckets.size(); ++i) {
    words[word] = i * step;
    ++buckets[hash(words) & 0xFFFF];
  }
  return *std::max_element(buckets.begin(), buckets.end());
}

}  // namespace

TEST(FlowHash, SpreadsKeysThatDifferInAFewBits) {
  const FlowHash hash({0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0,
                       0x082EFA98EC4E6C89, 0x452821E638D01377, 0xBE5466CF34E90C6C,
                       0xC0AC29B7C97C50DD});
  for (size_t word = 0; word < 6; ++word) {
    for (const uint32_t step : {1u, 2u, 256u, 4096u, 65536u}) {
      EXPECT_LE(fullest_bucket(hash, step, word), 14u) << "word " << word << ", step " << step;
    }
  }
}

TEST(FlowHash, EveryKeyPlacesFlowsElsewhere) {
  const std::array<uint32_t, 6> words = {1, 2, 3, 4, 5, 0};
  const FlowHash a = FlowHash::random(), b = FlowHash::random();
  int same = 0;
  for (uint32_t i = 0; i < 100; ++i) {
    std::array<uint32_t, 6> other = words;
    other[2] = i;
    same += a(other) == b(other) ? 1 : 0;
  }
  EXPECT_LE(same, 1);
}

}  // namespace farspan::dataplane
