// SPDX-License-Identifier: Apache-2.0
#include "farspan/io/buffer_pool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <numeric>

#include "farspan/io/landing.h"

namespace farspan::io {
namespace {

TEST(BufferPool, GivesWhatItHasAndNoMore) {
  BufferPool pool({.small = 2, .large = 1});
  Buffer a = pool.take_small(), b = pool.take_small(), c = pool.take_large();
  ASSERT_TRUE(a && b && c);
  EXPECT_FALSE(a.is_same(b));
  EXPECT_FALSE(pool.take_small());
  EXPECT_FALSE(pool.take_large());
  b.reset();
  EXPECT_TRUE(pool.take_small());
  EXPECT_EQ(pool.free_small(), 1u) << "it came home by itself";
}

TEST(BufferPool, TheOneUsedLastIsTakenFirst) {
  BufferPool pool({.small = 3, .large = 1});
  Buffer a = pool.take_small(), b = pool.take_small();
  uint8_t* const bytes = a.room();
  a.reset();
  EXPECT_EQ(pool.take_small().room(), bytes);
}

TEST(BufferPool, ABufferGoesHomeWithItsLastHolder) {
  BufferPool pool({.small = 1, .large = 1});
  Buffer train = pool.take_large();
  Buffer first = train.share(), second = train.share();
  EXPECT_TRUE(first.is_same(second));
  train.reset();
  Buffer moved = std::move(first);
  EXPECT_FALSE(first);
  moved.reset();
  EXPECT_EQ(pool.free_large(), 0u);
  second = {};
  EXPECT_EQ(pool.free_large(), 1u);
}

TEST(BufferPool, BuffersAreApart) {
  BufferPool pool({.small = 4, .large = 2});
  std::vector<Buffer> held;
  while (Buffer one = pool.take_small()) held.push_back(std::move(one));
  ASSERT_EQ(held.size(), 4u);
  for (size_t i = 0; i < held.size(); ++i)
    std::fill_n(held[i].room() - Buffer::kHeadroom, Buffer::kSmall, static_cast<uint8_t>(i));
  for (size_t i = 0; i < held.size(); ++i) {
    EXPECT_EQ(*(held[i].room() - Buffer::kHeadroom), i);
    EXPECT_EQ(held[i].room()[Buffer::kSmallRoom + Buffer::kTailroom - 1], i);
  }
}

// Through a real readv(): a file of `length` bytes.
struct Received {
  Landed landed;
  std::vector<uint8_t> wanted;
};
Received receive(Landing& landing, uint32_t length) {
  Received received;
  received.wanted.resize(length);
  std::iota(received.wanted.begin(), received.wanted.end(), uint8_t{1});
  FILE* const file = ::tmpfile();
  EXPECT_EQ(::write(::fileno(file), received.wanted.data(), length), static_cast<ssize_t>(length));
  ::lseek(::fileno(file), 0, SEEK_SET);
  const auto vectors = landing.vectors();
  const ssize_t got = ::readv(::fileno(file), vectors.data(), vectors.size());
  std::fclose(file);
  received.landed = landing.take(static_cast<uint32_t>(got));
  return received;
}

TEST(Landing, WhateverComesLiesInOnePiece) {
  BufferPool pool({.small = 2, .large = 2});
  Landing landing;
  for (const uint32_t length : {1u, 60u, 1514u, Buffer::kSmallRoom - 1, Buffer::kSmallRoom,
                                Buffer::kSmallRoom + 1, 9000u, 65553u, Landing::kLongest}) {
    ASSERT_TRUE(landing.prepare(pool));
    const auto [landed, wanted] = receive(landing, length);
    ASSERT_TRUE(landed.buffer);
    EXPECT_TRUE(std::equal(landed.bytes.begin(), landed.bytes.end(), wanted.begin(), wanted.end()))
        << length;
    EXPECT_EQ(landed.bytes.data(), landed.buffer.room());
  }
}

TEST(Landing, ASmallPacketHoldsNoLargeBuffer) {
  BufferPool pool({.small = 4, .large = 1});
  Landing landing;
  std::vector<Landed> held;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(landing.prepare(pool));
    held.push_back(receive(landing, 1400).landed);
  }
  ASSERT_TRUE(landing.prepare(pool));
  held.push_back(receive(landing, 20000).landed);
  EXPECT_FALSE(landing.prepare(pool)) << "the large one is held";
  EXPECT_EQ(landing.vectors()[0].iov_len, 0u);
  EXPECT_FALSE(landing.take(0).buffer);
  held.pop_back();
  EXPECT_TRUE(landing.prepare(pool));
}

}  // namespace
}  // namespace farspan::io
