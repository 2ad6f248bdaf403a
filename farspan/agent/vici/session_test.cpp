// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/vici/session.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "farspan/base/message_socket.h"

namespace farspan::vici {
namespace {

/// A charon that lets one connect and says nothing.
class SilentCharon : public ::testing::Test {
 protected:
  SilentCharon() {
    EXPECT_NE(::mkdtemp(directory_), nullptr);
    auto listener = listen_unix(path(), 0600, SOCK_STREAM);
    EXPECT_TRUE(listener.ok());
    listener_ = std::move(*listener);
  }
  ~SilentCharon() override {
    ::unlink(path().c_str());
    ::rmdir(directory_);
  }
  std::string path() const { return std::string(directory_) + "/vici"; }

  char directory_[32] = "/tmp/farspan_vici_XXXXXX";
  UniqueFd listener_{};
};

TEST_F(SilentCharon, IsAnErrorAfterTheTimeout) {
  auto session = Session::connect(path(), -1, std::chrono::milliseconds(20));
  ASSERT_TRUE(session.ok());
  const auto answer = session->request("version");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(answer.error().what, "does not answer");
}

TEST_F(SilentCharon, IsNotWaitedForByOneWhoStops) {
  const UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  auto session = Session::connect(path(), stop.get(), std::chrono::hours(1));
  ASSERT_TRUE(session.ok());
  ::eventfd_write(stop.get(), 1);
  const auto answer = session->stream("list-sas", "list-sa");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(answer.error().what, "is not waited for any longer");
}

TEST_F(SilentCharon, IsNotThereOnceItsQueueIsFull) {
  ASSERT_EQ(::listen(listener_.get(), 1), 0);
  std::vector<Session> waiting;
  for (int i = 0; i < 10; ++i) {
    auto session = Session::connect(path());
    if (!session.ok()) {
      EXPECT_EQ(session.error().code, ErrorCode::kUnavailable);
      EXPECT_EQ(session.error().what.find("not there"), 0u) << session.error().what;
      return;
    }
    waiting.push_back(std::move(*session));
  }
  FAIL() << "a queue of one takes ten";
}

}  // namespace
}  // namespace farspan::vici
