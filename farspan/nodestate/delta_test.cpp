// SPDX-License-Identifier: Apache-2.0
#include "farspan/nodestate/delta.h"

#include <gtest/gtest.h>

#include "farspan/nodestate/random_state.h"

namespace farspan::nodestate {
namespace {

constexpr uint32_t kCases = 300;

NodeState applied(const NodeState& state, const Delta& delta) {
  auto next = apply(state, delta);
  EXPECT_TRUE(next.ok());
  return next.ok() ? *next : NodeState{};
}

TEST(Delta, ApplyingTheDifferenceGivesTheOtherState) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomState random(seed);
    const NodeState a = random.next(1), b = random.next(2);
    ASSERT_EQ(applied(a, diff(a, b)), b) << "seed " << seed;
    ASSERT_EQ(applied(b, diff(b, a)), a) << "seed " << seed;
  }
}

TEST(Delta, DifferenceOfAStateAndItselfIsEmpty) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomState random(seed);
    const NodeState a = random.next(7);
    ASSERT_TRUE(diff(a, a).empty()) << "seed " << seed;
    ASSERT_EQ(applied(a, diff(a, a)), a) << "seed " << seed;
  }
}

TEST(Delta, HoldsOnlyRowsThatDiffer) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomState random(seed);
    const NodeState a = random.next(1), b = random.next(2);
    const Delta delta = diff(a, b);
    for (const auto& [key, row] : delta.routes.upserts) {
      const auto old = a.routes.find(key);
      ASSERT_TRUE(old == a.routes.end() || old->second != row) << "seed " << seed;
    }
    for (const auto& key : delta.routes.removals) {
      ASSERT_TRUE(a.routes.contains(key) && !b.routes.contains(key)) << "seed " << seed;
    }
  }
}

TEST(Delta, SnapshotGivesTheStateWhateverWasThere) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomState random(seed);
    const NodeState a = random.next(1), b = random.next(2);
    ASSERT_EQ(applied(a, snapshot(b)), b) << "seed " << seed;
    ASSERT_EQ(applied(NodeState{}, snapshot(b)), b) << "seed " << seed;
    ASSERT_FALSE(snapshot(b).empty());
  }
}

TEST(Delta, MergeHasTheEffectOfBoth) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomState random(seed);
    const NodeState a = random.next(1), b = random.next(2), c = random.next(3);
    ASSERT_EQ(applied(a, merge(diff(a, b), diff(b, c))), c) << "seed " << seed;
    ASSERT_EQ(applied(a, merge(snapshot(b), diff(b, c))), c) << "seed " << seed;
    ASSERT_EQ(merge(snapshot(b), diff(b, c)), snapshot(c)) << "seed " << seed;
    ASSERT_EQ(merge(diff(a, b), snapshot(c)), snapshot(c)) << "seed " << seed;
    const Delta merged = merge(diff(a, b), diff(b, c));
    for (const auto& [key, row] : merged.routes.upserts) {
      ASSERT_FALSE(merged.routes.removals.contains(key))
          << "seed " << seed;  // says one thing about a row
    }
  }
}

TEST(Delta, MergeIsAssociative) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomState random(seed);
    const NodeState a = random.next(1), b = random.next(2), c = random.next(3), d = random.next(4);
    for (const bool is_first_snapshot : {false, true}) {
      for (const bool is_last_snapshot : {false, true}) {
        const Delta first = is_first_snapshot ? snapshot(b) : diff(a, b);
        const Delta last = is_last_snapshot ? snapshot(d) : diff(c, d);
        ASSERT_EQ(merge(merge(first, diff(b, c)), last), merge(first, merge(diff(b, c), last)))
            << "seed " << seed;
      }
    }
  }
}

TEST(Delta, ARowThatCameAndWentIsRemovedByTheMerge) {
  NodeState a;
  a.node = "n";
  a.generation = 1;
  NodeState b = a;
  b.generation = 2;
  b.vrfs[VrfId(5)] = Vrf{"v", {}, Label(21)};
  NodeState c = a;
  c.generation = 3;
  const Delta merged = merge(diff(a, b), diff(b, c));
  EXPECT_TRUE(merged.vrfs.upserts.empty());
  EXPECT_EQ(applied(a, merged), c);  // the removal of a row that was never there is no error
}

TEST(Delta, IncrementThatStartsElsewhereIsAConflict) {
  RandomState random(1);
  const NodeState a = random.next(1), b = random.next(2), c = random.next(3);
  const auto next = apply(a, diff(b, c));
  ASSERT_FALSE(next.ok());
  EXPECT_EQ(next.error().code, ErrorCode::kConflict);
  EXPECT_EQ(
      next.error().text(),
      "Node virginia: generation 1 is in force, the increment starts at 2; ask for a snapshot");
}

TEST(Delta, AnotherNodesDeltaIsAConflict) {
  RandomState random(1);
  const NodeState a = random.next(1);
  NodeState other = random.next(2);
  other.node = "shanghai";
  ASSERT_FALSE(apply(a, snapshot(other)).ok());
  EXPECT_EQ(apply(a, snapshot(other)).error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace farspan::nodestate
