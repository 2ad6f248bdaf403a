// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/node_feed.h"

#include <gtest/gtest.h>

namespace farspan::controller {
namespace {

using nodestate::NodeState;

std::shared_ptr<const NodeState> state(uint64_t generation, std::initializer_list<uint32_t> vrfs) {
  auto made = std::make_shared<NodeState>();
  made->node = "local";
  made->generation = generation;
  for (const uint32_t vrf : vrfs) made->vrfs[nodestate::VrfId(vrf)] = {};
  return made;
}

TEST(NodeFeed, ANodeThatHasNothingGetsASnapshot) {
  NodeFeed feed(0);
  const auto delta = feed.next(state(5, {1}));
  ASSERT_TRUE(delta);
  EXPECT_TRUE(delta->is_snapshot);
  EXPECT_EQ(delta->to_generation, 5u);
  EXPECT_FALSE(feed.has(5));
  feed.acknowledge(5);
  EXPECT_TRUE(feed.has(5));
}

TEST(NodeFeed, ANodeThatHasTheNewestGetsNothingAndThenIncrements) {
  NodeFeed feed(5);
  EXPECT_FALSE(feed.next(state(5, {1})));
  EXPECT_TRUE(feed.has(5));
  const auto delta = feed.next(state(6, {1, 2}));
  ASSERT_TRUE(delta);
  EXPECT_FALSE(delta->is_snapshot);
  EXPECT_EQ(delta->from_generation, 5u);
  EXPECT_EQ(delta->vrfs.upserts.size(), 1u);
}

TEST(NodeFeed, ANodeThatIsAheadIsTakenBackByASnapshot) {
  NodeFeed feed(9);
  EXPECT_TRUE(feed.next(state(5, {1}))->is_snapshot);
}

TEST(NodeFeed, WhatIsPublishedWhileTheNodeWorksComesAsOneIncrement) {
  NodeFeed feed(0);
  const auto first = state(1, {1}), last = state(4, {1, 3});
  ASSERT_TRUE(feed.next(first));
  EXPECT_FALSE(feed.next(state(2, {1, 2})));
  EXPECT_FALSE(feed.next(last));
  feed.acknowledge(1);
  const auto delta = feed.next(last);
  ASSERT_TRUE(delta);
  EXPECT_EQ(delta->from_generation, 1u);
  EXPECT_EQ(nodestate::apply(*first, *delta).value(), *last);
}

TEST(NodeFeed, AnAcknowledgementThatCrossedTheDeltaDoesNotCount) {
  NodeFeed feed(1);
  EXPECT_FALSE(feed.next(state(1, {})));
  ASSERT_TRUE(feed.next(state(2, {1})));
  feed.acknowledge(1);
  EXPECT_FALSE(feed.next(state(3, {1, 2})));
  feed.acknowledge(2);
  EXPECT_TRUE(feed.next(state(3, {1, 2})));
}

}  // namespace
}  // namespace farspan::controller
