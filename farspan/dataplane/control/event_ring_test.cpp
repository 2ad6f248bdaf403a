// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/event_ring.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

namespace farspan::dataplane {
namespace {

bool is_readable(int fd) {
  pollfd wait{fd, POLLIN, 0};
  return ::poll(&wait, 1, 0) == 1;
}

}  // namespace

TEST(EventRing, GivesEventsInOrderAndWakesTheConsumer) {
  EventRing<int, 4> ring;
  EXPECT_FALSE(is_readable(ring.fd()));
  EXPECT_TRUE(ring.push(1));
  EXPECT_TRUE(ring.push(2));
  EXPECT_TRUE(is_readable(ring.fd()));
  ring.clear_wakeup();
  EXPECT_FALSE(is_readable(ring.fd()));
  EXPECT_EQ(ring.pop(), 1);
  EXPECT_EQ(ring.pop(), 2);
  EXPECT_EQ(ring.pop(), std::nullopt);
}

TEST(EventRing, AFullRingLosesAndCountsTheNewest) {
  EventRing<int, 4> ring;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(i));
  EXPECT_FALSE(ring.push(4));
  EXPECT_EQ(ring.lost(), 1u);
  EXPECT_EQ(ring.pop(), 0);
  EXPECT_TRUE(ring.push(5));
  for (const int expected : {1, 2, 3, 5}) EXPECT_EQ(ring.pop(), expected);
}

TEST(EventRing, CarriesEveryEventBetweenTwoThreads) {
  constexpr uint32_t kEvents = 50'000;
  EventRing<uint32_t, 64> ring;
  std::thread worker([&] {
    for (uint32_t i = 0; i < kEvents;) {
      if (ring.push(i)) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  for (uint32_t next = 0; next < kEvents;) {
    pollfd wait{ring.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&wait, 1, 10'000), 1);
    ring.clear_wakeup();
    while (const auto event = ring.pop()) {
      ASSERT_EQ(*event, next);
      ++next;
    }
  }
  worker.join();
}

}  // namespace farspan::dataplane
