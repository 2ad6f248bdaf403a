// SPDX-License-Identifier: Apache-2.0
// Real sockets on loopback, with OpenSSL's own hellos; what is given away is held by the test, as
// gRPC would hold it.
#include "farspan/controller/node_listener.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "farspan/base/controller_names.h"
#include "farspan/base/release.h"

namespace farspan::controller {
namespace {

using Door = NodeListener::Door;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string hello_for(const char* server_name) {
  const std::unique_ptr<SSL_CTX, Release<SSL_CTX_free>> context(SSL_CTX_new(TLS_client_method()));
  const std::unique_ptr<SSL, Release<SSL_free>> client(SSL_new(context.get()));
  SSL_set_tlsext_host_name(client.get(), server_name);
  BIO* sent = BIO_new(BIO_s_mem());
  SSL_set_bio(client.get(), BIO_new(BIO_s_mem()), sent);
  SSL_connect(client.get());
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(sent, &bytes);
  return {bytes, static_cast<size_t>(length)};
}

class Client {
 public:
  explicit Client(int port, const char* from = "127.0.0.1")
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in own{}, to{};
    own.sin_family = to.sin_family = AF_INET;
    ::inet_pton(AF_INET, from, &own.sin_addr);
    ::inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    to.sin_port = htons(static_cast<uint16_t>(port));
    ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&own), sizeof own);
    is_connected_ = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    socklen_t length = sizeof own;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&own), &length);
    name_ = std::string("ipv4:") + from + ":" + std::to_string(ntohs(own.sin_port));
  }
  void say(const std::string& bytes) {
    EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  bool is_connected() const { return is_connected_; }
  bool is_ended(milliseconds patience = seconds(10)) const {
    pollfd socket{socket_.get(), POLLIN, 0};
    char byte = 0;
    return ::poll(&socket, 1, static_cast<int>(patience.count())) == 1 &&
           ::recv(socket_.get(), &byte, 1, MSG_DONTWAIT) <= 0;
  }
  /// As gRPC names it.
  const std::string& name() const { return name_; }

 private:
  UniqueFd socket_;
  bool is_connected_ = false;
  std::string name_;
};

class NodeListenerTest : public testing::Test {
 protected:
  void open(const NodePortLimits& limits) {
    auto listener = NodeListener::open("127.0.0.1:0", limits);
    ASSERT_TRUE(listener.ok()) << listener.error().text();
    listener_ = *std::move(listener);
    listener_->start([this](Door door, UniqueFd connection) {
      const std::lock_guard lock(mutex_);
      given_.emplace_back(door, std::move(connection));
      changed_.notify_all();
    });
  }
  /// A client whose hello was read and whose connection was given away.
  std::unique_ptr<Client> guest(const char* name, const char* from = "127.0.0.1") {
    const size_t before = given();
    auto client = std::make_unique<Client>(listener_->port(), from);
    client->say(hello_for(name));
    wait_for(before + 1);
    return client;
  }
  void wait_for(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, seconds(10), [&] { return given_.size() >= count; }));
  }
  size_t given() {
    const std::lock_guard lock(mutex_);
    return given_.size();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<Door, UniqueFd>> given_;
  std::unique_ptr<NodeListener> listener_;
};

TEST_F(NodeListenerTest, TheNameInTheHelloIsTheDoorAndTheBytesStayUnread) {
  open({});
  const auto node = guest(kSessionName), stranger = guest(kEnrolmentName), other = guest("other");
  ASSERT_EQ(given(), 3u);
  EXPECT_EQ(given_[0].first, Door::kSessions);
  EXPECT_EQ(given_[1].first, Door::kEnrolment);
  EXPECT_EQ(given_[2].first, Door::kEnrolment);
  char bytes[4096];
  const ssize_t length = ::recv(given_[0].second.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  ASSERT_GT(length, 0);
  EXPECT_EQ(bytes[0], 22) << "the handshake record";
}

TEST_F(NodeListenerTest, AHelloInPiecesIsWaitedFor) {
  open({});
  Client client(listener_->port());
  const std::string hello = hello_for(kSessionName);
  client.say(hello.substr(0, 7));
  EXPECT_FALSE(client.is_ended(milliseconds(50)));
  client.say(hello.substr(7));
  wait_for(1);
  EXPECT_EQ(given_[0].first, Door::kSessions);
}

TEST_F(NodeListenerTest, WhatIsNoTlsIsEndedAtOnce) {
  open({});
  Client client(listener_->port());
  client.say("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(client.is_ended());
  EXPECT_EQ(given(), 0u);
  EXPECT_EQ(listener_->places().not_tls, 1u);
}

TEST_F(NodeListenerTest, StrangersAreEndedAtTheirAgeWhateverTheyDid) {
  NodePortLimits limits;
  limits.stranger_age = milliseconds(300);
  open(limits);
  const auto enrolling = guest(kEnrolmentName), node = guest(kSessionName);
  const Client silent(listener_->port());
  EXPECT_TRUE(silent.is_ended() && enrolling->is_ended() && node->is_ended());
  EXPECT_EQ(listener_->places().ended_by_age, 3u);
  EXPECT_EQ(listener_->places().strangers, 0u);
  char bytes[4096];
  while (::recv(given_[0].second.get(), bytes, sizeof bytes, 0) > 0) {
  }
  EXPECT_EQ(::recv(given_[0].second.get(), bytes, sizeof bytes, 0), 0)
      << "whoever it was given to sees the end, and closes it";
}

TEST_F(NodeListenerTest, AConnectionWithASessionStaysUntilItHasNone) {
  NodePortLimits limits;
  limits.stranger_age = milliseconds(300);
  open(limits);
  const auto node = guest(kSessionName), stranger = guest(kSessionName);
  EXPECT_TRUE(listener_->session_opened(node->name()));
  EXPECT_TRUE(listener_->session_opened(node->name()));
  EXPECT_TRUE(stranger->is_ended());
  listener_->session_closed(node->name());
  EXPECT_FALSE(node->is_ended(milliseconds(600)));
  EXPECT_EQ(listener_->places().known, 1u);
  listener_->session_closed(node->name());
  EXPECT_TRUE(node->is_ended());
}

TEST_F(NodeListenerTest, ANewStrangerTakesThePlaceOfTheOldestAndNeverOfANode) {
  NodePortLimits limits;
  limits.strangers = 3;
  open(limits);
  const auto node = guest(kSessionName);
  EXPECT_TRUE(listener_->session_opened(node->name()));
  std::vector<std::unique_ptr<Client>> strangers;
  for (int i = 0; i < 4; ++i) strangers.push_back(guest(kEnrolmentName));
  EXPECT_TRUE(strangers[0]->is_ended());
  EXPECT_FALSE(strangers[1]->is_ended(milliseconds(50)));
  EXPECT_FALSE(node->is_ended(milliseconds(50)));
  EXPECT_EQ(listener_->places().strangers, 3u);
  EXPECT_EQ(listener_->places().ended_for_a_newer, 1u);
}

TEST_F(NodeListenerTest, AnAddressThatComesOftenTakesOnlyItsOwnPlaces) {
  NodePortLimits limits;
  limits.strangers_per_address = 2;
  open(limits);
  const auto other = guest(kEnrolmentName, "127.0.0.2");
  const auto first = guest(kEnrolmentName), second = guest(kEnrolmentName);
  const auto third = guest(kEnrolmentName);
  EXPECT_TRUE(first->is_ended());
  EXPECT_FALSE(second->is_ended(milliseconds(50)));
  EXPECT_FALSE(other->is_ended(milliseconds(50))) << "it is older, and of another address";
}

TEST_F(NodeListenerTest, MoreNodesThanPlacesAreTold) {
  NodePortLimits limits;
  limits.known = 1;
  open(limits);
  const auto one = guest(kSessionName), two = guest(kSessionName);
  EXPECT_TRUE(listener_->session_opened(one->name()));
  EXPECT_FALSE(listener_->session_opened(two->name()));
  EXPECT_FALSE(listener_->session_opened("ipv4:127.0.0.1:1")) << "nobody's";
}

TEST_F(NodeListenerTest, AClientThatLeavesLeavesItsPlace) {
  open({});
  auto client = guest(kEnrolmentName);
  client.reset();
  // As gRPC does when it reads the end: it shuts the connection down, and closes its descriptor.
  ::shutdown(given_[0].second.get(), SHUT_RDWR);
  given_.clear();
  while (listener_->places().strangers != 0) std::this_thread::yield();
  EXPECT_EQ(listener_->places().ended_by_age, 0u);
}

TEST_F(NodeListenerTest, WithoutDescriptorsItWaitsAndGoesOn) {
  open({});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<UniqueFd> all;
  std::vector<std::unique_ptr<Client>> waiting;
  waiting.push_back(std::make_unique<Client>(listener_->port()));
  while (listener_->places().strangers != 1) std::this_thread::yield();
  const UniqueFd spare(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) all.emplace_back(fd);
  EXPECT_EQ(errno, EMFILE);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<uint16_t>(listener_->port()));
  EXPECT_EQ(::connect(spare.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0)
      << "the kernel's";
  while (listener_->places().pauses == 0) std::this_thread::yield();
  all.clear();
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  while (listener_->places().strangers != 2) std::this_thread::yield();
}

}  // namespace
}  // namespace farspan::controller
