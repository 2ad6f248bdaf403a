// SPDX-License-Identifier: Apache-2.0
#include "farspan/base/message_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace farspan {
namespace {

std::pair<MessageSocket, MessageSocket> connected() {
  int fds[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  return {MessageSocket(UniqueFd(fds[0])), MessageSocket(UniqueFd(fds[1]))};
}

TEST(MessageSocket, KeepsMessageBoundariesAndDescriptors) {
  auto [left, right] = connected();
  UniqueFd null(::open("/dev/null", O_RDONLY));
  ASSERT_TRUE(left.send("first", {null.get()}));
  ASSERT_TRUE(left.send(""));
  auto first = right.receive();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->bytes, "first");
  ASSERT_EQ(first->fds.size(), 1u);
  EXPECT_NE(::fcntl(first->fds[0].get(), F_GETFD), -1);
  auto second = right.receive();
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->bytes.empty());
  EXPECT_TRUE(second->fds.empty());
}

TEST(MessageSocket, CarriesMoreThanASocketBuffer) {
  auto [left, right] = connected();
  const std::string large(5u << 20, 'x');
  std::thread writer([&, &end = left] { EXPECT_TRUE(end.send(large)); });
  auto received = right.receive();
  writer.join();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->bytes, large);
}

TEST(MessageSocket, SaysWhenThePeerIsGoneOrSilent) {
  auto [left, right] = connected();
  EXPECT_EQ(right.receive(std::chrono::milliseconds(1)).error().what, "no answer in time");
  { MessageSocket gone = std::move(left); }
  EXPECT_EQ(right.receive().error().what, "the peer closed the connection");
}

TEST(MessageSocket, RefusesAnAbsurdLength) {
  auto [left, right] = connected();
  const char header[4] = {'\x7f', '\x7f', '\x7f', '\x7f'};
  ASSERT_EQ(::send(left.fd(), header, 4, 0), 4);
  EXPECT_FALSE(right.receive());
}

class ListenUnix : public testing::Test {
 protected:
  ListenUnix() {
    char name[] = "/tmp/farspan-listen-XXXXXX";
    directory_ = mkdtemp(name);
    path_ = directory_ + "/socket";
  }
  ~ListenUnix() override { std::filesystem::remove_all(directory_); }

  std::string directory_, path_;
};

TEST_F(ListenUnix, LeavesAFileAlone) {
  std::ofstream(path_) << "somebody's";
  const auto refused = listen_unix(path_, 0600, SOCK_STREAM);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  std::string kept;
  std::ifstream(path_) >> kept;
  EXPECT_EQ(kept, "somebody's");
}

TEST_F(ListenUnix, LeavesTheSocketOfALivingProgramAlone) {
  const auto living = listen_unix(path_, 0600, SOCK_SEQPACKET);
  ASSERT_TRUE(living.ok()) << living.error().text();
  EXPECT_FALSE(listen_unix(path_, 0600, SOCK_SEQPACKET).ok());
  EXPECT_FALSE(listen_unix(path_, 0600, SOCK_STREAM).ok());
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ListenUnix, ReplacesASocketAtWhichNobodyListens) {
  { const auto dead = listen_unix(path_, 0600, SOCK_STREAM); }
  ASSERT_TRUE(std::filesystem::exists(path_));
  EXPECT_TRUE(listen_unix(path_, 0600, SOCK_STREAM).ok());
}

}  // namespace
}  // namespace farspan
