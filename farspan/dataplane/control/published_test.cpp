// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/published.h"

#include <gtest/gtest.h>

#include <thread>

namespace farspan::dataplane {
namespace {

std::atomic<int> alive{0};

struct Snapshot {
  explicit Snapshot(uint64_t number) : first(number), second(~number) { ++alive; }
  ~Snapshot() {
    first = second = 0;  // whoever still reads it sees that it is gone
    --alive;
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  bool is_whole() const { return first == ~second; }
  uint64_t first, second;
};

}  // namespace

TEST(Published, AnAcquiredSnapshotLivesUntilItsReaderQuiesces) {
  {
    Published<Snapshot> published(std::make_unique<Snapshot>(1));
    auto reader = published.reader();
    const Snapshot& held = reader.acquire();
    published.publish(std::make_unique<Snapshot>(2));
    published.publish(std::make_unique<Snapshot>(3));
    EXPECT_EQ(held.first, 1u);
    EXPECT_EQ(alive, 2) << "what nobody acquired is freed at once";
    EXPECT_EQ(published.collect(), 1u);
    reader.quiesce();
    EXPECT_EQ(published.collect(), 0u);
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(reader.acquire().first, 3u);
    EXPECT_EQ(published.current().first, 3u);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Published, AReaderThatSleepsHoldsNothingUp) {
  Published<Snapshot> published(std::make_unique<Snapshot>(1));
  auto reader = published.reader();
  reader.acquire();
  reader.quiesce();
  for (uint64_t i = 2; i < 100; ++i) published.publish(std::make_unique<Snapshot>(i));
  EXPECT_EQ(alive, 1);
}

TEST(Published, ReadersSeeWholeSnapshotsInOrderWhileTheWriterFreesOldOnes) {
  constexpr uint64_t kSnapshots = 20'000;
  Published<Snapshot> published(std::make_unique<Snapshot>(1));
  std::vector<std::thread> readers;
  std::atomic<uint64_t> faults{0};
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&, reader = published.reader()]() mutable {
      for (uint64_t last = 0; last < kSnapshots;) {
        const Snapshot& snapshot = reader.acquire();
        if (!snapshot.is_whole() || snapshot.first < last) ++faults;
        last = snapshot.first;
        if (!snapshot.is_whole()) ++faults;
        reader.quiesce();
      }
    });
  }
  for (uint64_t i = 2; i <= kSnapshots; ++i) published.publish(std::make_unique<Snapshot>(i));
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(faults, 0u);
  EXPECT_EQ(published.collect(), 0u);
  EXPECT_EQ(alive, 1);
}

}  // namespace farspan::dataplane
