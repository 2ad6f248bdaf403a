// SPDX-License-Identifier: Apache-2.0
#include "farspan/io/raw_esp.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

namespace farspan::io {
namespace {

using Bytes = std::vector<uint8_t>;

// A socket that brings packets as they are written stands where the kernel's is: what the kernel
// would not pass comes by no other way.
TEST(RawEsp, WhatIsNoIpv4PacketIsEmptyAndNotLeftOut) {
  BufferPool pool({.small = 64, .large = 64});  // outlives who holds its buffers
  auto socket = RawEsp::open();
  if (!socket) GTEST_SKIP() << socket.error().text();
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd ours(ends[0]), theirs(ends[1]);
  ASSERT_EQ(::dup2(theirs.get(), socket->fd()), socket->fd());
  Bytes whole(20 + 8, 0), cut = whole;
  whole[0] = 0x45;
  whole[1] = 0xB8;
  whole[15] = 7;
  cut[0] = 0x4F;  // a header of 60 bytes
  for (const Bytes& packet : {Bytes{}, Bytes(19, 0x45), cut, Bytes(28, 0), whole})
    ASSERT_EQ(::send(ours.get(), packet.data(), packet.size(), 0), ssize_t(packet.size()));

  const auto received = socket->receive(pool);
  ASSERT_EQ(received.size(), 5u);
  for (const LandedTrain& landed : received) EXPECT_TRUE(landed.buffer);
  for (const LandedTrain& landed : received.first(4)) {
    EXPECT_EQ(landed.train.length, 0u);
    EXPECT_EQ(landed.train.packet_count(), 1u);
  }
  EXPECT_EQ(received[4].train.length, 8u);
  EXPECT_EQ(received[4].train.tos, 0xB8);
  EXPECT_EQ(received[4].train.source.address, 7u);
}

}  // namespace
}  // namespace farspan::io
