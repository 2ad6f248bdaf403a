// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/tunnel_bounds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace farspan::dataplane {

TEST(TunnelBounds, WithoutAnyTakeNothing) {
  EXPECT_FALSE(TunnelBounds().has_label(0));
  EXPECT_FALSE(TunnelBounds().has_source(0));
}

TEST(TunnelBounds, AgreeWithALinearSearch) {
  std::mt19937 rng(3704);
  size_t inside = 0;
  for (int round = 0; round < 500; ++round) {
    std::vector<Prefix4> sources;
    std::vector<uint32_t> labels;
    for (size_t count = rng() % 8; count > 0; --count) {
      const auto length = static_cast<uint8_t>(rng() % 33);
      const auto address = static_cast<uint32_t>(rng() & 0x0F0F0F0F);
      sources.push_back({address & Prefix4::mask(length), length});
      labels.push_back(static_cast<uint32_t>(16 + rng() % 8));
    }
    const TunnelBounds bounds(labels, sources);
    for (int i = 0; i < 20; ++i) {
      const auto address = static_cast<uint32_t>(rng() & 0x0F0F0F0F);
      const bool is_inside = std::ranges::any_of(
          sources, [&](const Prefix4& prefix) { return prefix.contains(address); });
      EXPECT_EQ(bounds.has_source(address), is_inside);
      inside += is_inside;
      const auto label = static_cast<uint32_t>(16 + rng() % 8);
      EXPECT_EQ(bounds.has_label(label), std::ranges::count(labels, label) > 0);
    }
  }
  EXPECT_GT(inside, 500u);
}

}  // namespace farspan::dataplane
