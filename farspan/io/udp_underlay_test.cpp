// SPDX-License-Identifier: Apache-2.0
#include "farspan/io/udp_underlay.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

namespace farspan::io {
namespace {

constexpr uint32_t kLoopback = 0x7F000001, kOtherLoopback = 0x7F000002;
// Tests run side by side, each in a process of its own: each has ports of its own, below those the
// kernel gives out.
const uint16_t kPort = static_cast<uint16_t>(10000 + ::getpid() % 10000 * 2);
const uint16_t kPeerPort = static_cast<uint16_t>(kPort + 1);

BufferPool& pool() {
  static BufferPool of_all({.small = 64, .large = 64});
  return of_all;
}

std::vector<std::vector<uint8_t>> receive_packets(UdpUnderlay& socket, size_t count,
                                                  std::vector<Train>* trains) {
  std::vector<std::vector<uint8_t>> packets;
  while (packets.size() < count) {
    pollfd wait{socket.fd(), POLLIN, 0};
    if (::poll(&wait, 1, 2000) <= 0) break;
    for (const auto& [train, buffer] : socket.receive(pool())) {
      EXPECT_TRUE(buffer);
      trains->push_back(train);
      for (uint32_t at = 0; at < train.length; at += train.segment_size) {
        const uint32_t end = std::min(at + train.segment_size, train.length);
        packets.emplace_back(train.bytes + at, train.bytes + end);
      }
    }
  }
  return packets;
}

TEST(UdpUnderlay, ReceivingEndsWhateverTheError) {
  auto socket = UdpUnderlay::open(kPort);
  ASSERT_TRUE(socket.ok());
  const UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::dup2(file.get(), socket->fd()), socket->fd());
  EXPECT_TRUE(socket->receive(pool()).empty());
  EXPECT_EQ(errno, ENOTSOCK);
}

TEST(UdpUnderlay, CarriesATrainWithItsTosAndFromTheChosenAddress) {
  auto here = UdpUnderlay::open(kPort), there = UdpUnderlay::open(kPeerPort);
  ASSERT_TRUE(here.ok() && there.ok());
  std::vector<uint8_t> bytes(5 * 1000 + 300);
  std::iota(bytes.begin(), bytes.end(), uint8_t{0});
  const Train train{.source = {kOtherLoopback, kPort},
                    .destination = {kLoopback, kPeerPort},
                    .bytes = bytes.data(),
                    .length = static_cast<uint32_t>(bytes.size()),
                    .segment_size = 1000,
                    .tos = 0xB9};  // EF, ECT(1)
  SendVerdict verdict = SendVerdict::kBusy;
  here->send({&train, 1}, {&verdict, 1});
  EXPECT_EQ(verdict, SendVerdict::kSent);

  std::vector<Train> trains;
  const auto packets = receive_packets(*there, 6, &trains);
  ASSERT_EQ(packets.size(), 6u);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(packets[i].size(), i < 5 ? 1000u : 300u);
    EXPECT_TRUE(std::equal(packets[i].begin(), packets[i].end(),
                           bytes.begin() + static_cast<long>(1000 * i)));
  }
  EXPECT_EQ(trains[0].source, (Endpoint{kOtherLoopback, kPort}));
  EXPECT_EQ(trains[0].destination, (Endpoint{kLoopback, kPeerPort}));
  EXPECT_EQ(trains[0].tos, 0xB9);
}

TEST(UdpUnderlay, SaysWhatTheKernelRefuses) {
  auto here = UdpUnderlay::open(kPort);
  ASSERT_TRUE(here.ok());
  std::vector<uint8_t> bytes(kMaxTrainBytes);
  std::array<Train, 3> trains;
  trains.fill(Train{.source = {},
                    .destination = {kLoopback, kPort},
                    .bytes = bytes.data(),
                    .length = 100,
                    .segment_size = 100});
  trains[1].source = {0xC0000201, kPort};  // 192.0.2.1 is not ours
  std::array<SendVerdict, 3> verdicts{};
  here->send(trains, verdicts);
  EXPECT_EQ(verdicts[0], SendVerdict::kSent);
  EXPECT_NE(verdicts[1], SendVerdict::kSent);
  EXPECT_EQ(verdicts[2], SendVerdict::kSent) << "one refusal must not end the batch";
}

TEST(UdpUnderlay, CarriesMorePacketsThanTheKernelTakesAtOnce) {
  auto here = UdpUnderlay::open(kPort), there = UdpUnderlay::open(kPeerPort);
  ASSERT_TRUE(here.ok() && there.ok());
  std::vector<uint8_t> bytes(200 * 100 + 1);
  std::iota(bytes.begin(), bytes.end(), uint8_t{0});
  const Train train{.source = {},
                    .destination = {kLoopback, kPeerPort},
                    .bytes = bytes.data(),
                    .length = static_cast<uint32_t>(bytes.size()),
                    .segment_size = 100};
  SendVerdict verdict = SendVerdict::kBusy;
  here->send({&train, 1}, {&verdict, 1});
  EXPECT_EQ(verdict, SendVerdict::kSent);
  std::vector<Train> trains;
  EXPECT_EQ(receive_packets(*there, 201, &trains).size(), 201u);
}

TEST(UdpUnderlay, WithoutBuffersPacketsAreCountedAndLost) {
  auto here = UdpUnderlay::open(kPort), there = UdpUnderlay::open(kPeerPort);
  ASSERT_TRUE(here.ok() && there.ok());
  std::vector<uint8_t> bytes(3 * 1000, 'x');
  const auto send = [&] {
    const Train train{.source = {kOtherLoopback, kPort},
                      .destination = {kLoopback, kPeerPort},
                      .bytes = bytes.data(),
                      .length = static_cast<uint32_t>(bytes.size()),
                      .segment_size = 1000};
    SendVerdict verdict = SendVerdict::kBusy;
    here->send({&train, 1}, {&verdict, 1});
    EXPECT_EQ(verdict, SendVerdict::kSent);
    pollfd wait{there->fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&wait, 1, 2000), 1);
  };
  send();
  BufferPool empty({.small = 0, .large = 0});
  uint32_t lost = 0;
  while (lost < 3) {
    const auto trains = there->receive(empty);
    if (trains.empty()) break;
    EXPECT_FALSE(trains[0].buffer);
    lost += trains[0].train.packet_count();
  }
  EXPECT_EQ(lost, 3u);
  send();
  std::vector<Train> trains;
  EXPECT_EQ(receive_packets(*there, 3, &trains).size(), 3u) << "the socket goes on";
}

// A network namespace of this thread's own, whose loopback carries no more than `mtu`.
bool enter_small_network(int mtu) {
  if (::unshare(CLONE_NEWNET) != 0) return false;
  const UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_mtu = mtu;
  if (::ioctl(any.get(), SIOCSIFMTU, &loopback) != 0) return false;
  loopback.ifr_flags = IFF_UP;
  return ::ioctl(any.get(), SIOCSIFFLAGS, &loopback) == 0;
}

TEST(UdpUnderlay, FragmentsWhatMayBeAndNothingElse) {
  bool is_there = false;
  std::thread([&] {
    is_there = enter_small_network(1280);
    if (!is_there) return;
    auto here = UdpUnderlay::open(kPort), there = UdpUnderlay::open(kPeerPort);
    ASSERT_TRUE(here.ok() && there.ok());
    std::vector<uint8_t> bytes(3000, 7);
    std::array<Train, 3> trains;
    trains.fill(Train{.source = {},
                      .destination = {kLoopback, kPeerPort},
                      .bytes = bytes.data(),
                      .length = 3000,
                      .segment_size = 3000});
    trains[1].may_fragment = true;
    std::array<SendVerdict, 3> verdicts{};
    here->send(trains, verdicts);
    EXPECT_EQ(verdicts[0], SendVerdict::kTooBig);
    EXPECT_EQ(verdicts[1], SendVerdict::kSent);
    EXPECT_EQ(verdicts[2], SendVerdict::kTooBig) << "DF is back";
    std::vector<Train> received;
    const auto packets = receive_packets(*there, 1, &received);
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(packets[0], bytes);
  }).join();
  if (!is_there) GTEST_SKIP() << "may not make a network namespace";
}

TEST(UdpUnderlay, RefusesAPortThatIsTaken) {
  auto first = UdpUnderlay::open(kPort);
  ASSERT_TRUE(first.ok());
  const auto second = UdpUnderlay::open(kPort);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace farspan::io
