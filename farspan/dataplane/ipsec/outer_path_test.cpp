// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/outer_path.h"

#include <gtest/gtest.h>

#include <thread>
#include <type_traits>

namespace farspan::ipsec {
namespace {

// Every field says the same number, so a path put together of two moves shows.
OuterPath path_of(uint32_t move) {
  const auto port = static_cast<uint16_t>(move);
  return {{move, port}, {~move, port}, move % 2 == 1};
}

TEST(MovablePath, IsWhereItWasMovedLast) {
  MovablePath path(path_of(0));
  EXPECT_EQ(path.current(), path_of(0));
  for (uint32_t move : {7u, 7u, 8u, 0u, 0xFFFF0001u}) {
    path.move(path_of(move));
    EXPECT_EQ(path.current(), path_of(move));
  }
}

TEST(MovablePath, OwnsNoMemoryHoweverOftenItMoves) {
  static_assert(std::is_trivially_destructible_v<MovablePath>);
  static_assert(sizeof(MovablePath) <= 64, "a cache line of the SA");
}

TEST(MovablePath, IsAlwaysReadWhole) {
  constexpr uint32_t kMoves = 2'000'000;
  MovablePath path(path_of(0));
  std::thread writer([&] {
    for (uint32_t move = 1; move <= kMoves; ++move) path.move(path_of(move));
  });
  uint32_t last = 0, torn = 0, backward = 0;
  while (last != kMoves) {
    const OuterPath seen = path.current();
    torn += seen == path_of(seen.local.address) ? 0 : 1;
    backward += seen.local.address >= last ? 0 : 1;
    last = seen.local.address;
  }
  writer.join();
  EXPECT_EQ(torn, 0u);
  EXPECT_EQ(backward, 0u);
}

}  // namespace
}  // namespace farspan::ipsec
