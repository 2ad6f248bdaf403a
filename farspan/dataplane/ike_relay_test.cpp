// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ike_relay.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <string>

#include "farspan/base/check.h"
#include "farspan/base/message_socket.h"
#include "farspan/ike/protocol.h"

namespace farspan::dataplane {
namespace {

using testing::ElementsAre;

fs_host host(const char* address, uint16_t port) {
  fs_host host{};
  host.family = AF_INET;
  host.port = port;
  FS_CHECK(::inet_pton(AF_INET, address, host.address) == 1);
  return host;
}

class IkeRelayTest : public testing::Test {
 protected:
  IkeRelayTest() { relay_.accept(); }
  void send(const fs_ike_header& header, const std::string& payload) {
    std::string message(reinterpret_cast<const char*>(&header), sizeof header);
    message += payload;
    FS_CHECK(::send(charon_.get(), message.data(), message.size(), 0) ==
             static_cast<ssize_t>(message.size()));
  }
  static fs_ike_header from_us(uint16_t port = 4500) {
    fs_ike_header header{};
    header.source = host("192.0.2.1", port);
    header.destination = host("198.51.100.7", 1024);
    return header;
  }

  std::string path_ = "/tmp/farspan_ike_" + std::to_string(::getpid()) + ".sock";
  IkeRelay relay_ = *IkeRelay::listen(path_);
  UniqueFd charon_ = *connect_unix(path_, SOCK_SEQPACKET);
};

TEST_F(IkeRelayTest, AKeepaliveIsADatagramLikeAnother) {  // RFC 3948 §2.3: one byte
  send(from_us(), "\xff");
  const auto datagram = relay_.next();
  ASSERT_TRUE(datagram);
  EXPECT_FALSE(datagram->is_refused);
  EXPECT_EQ(datagram->destination, (io::Endpoint{0xC6336407, 1024}));
  EXPECT_THAT(datagram->payload, ElementsAre(0xFF));
}

TEST_F(IkeRelayTest, BusyIsNotTheSameAsNotConnected) {
  std::vector<uint8_t> bytes(1000);
  const IkeDatagram datagram{{0xC6336407, 500}, {0xC0000201, 500}, 0, bytes};
  uint32_t from_strangers = 0, from_peers = 0;
  std::optional<DropReason> refused;
  while (!(refused = relay_.deliver(datagram, false))) ++from_strangers;
  EXPECT_EQ(refused, DropReason::kIkeBusy);
  while (!(refused = relay_.deliver(datagram, true))) ++from_peers;  // have a share of their own
  EXPECT_EQ(refused, DropReason::kIkeBusy);
  EXPECT_GT(from_strangers, 0u);
  EXPECT_GT(from_peers, from_strangers);
  charon_.reset();
  EXPECT_EQ(relay_.deliver(datagram, true), DropReason::kIkeUnavailable);
  EXPECT_EQ(relay_.deliver(datagram, true), DropReason::kIkeUnavailable);
}

TEST_F(IkeRelayTest, AStrangersDatagramComesBackAsABareHeader) {
  fs_ike_header header{};
  header.source = host("198.51.100.99", 61001);
  header.destination = host("192.0.2.1", 500);
  header.is_refused = 1;
  send(header, "");
  const auto refused = relay_.next();
  ASSERT_TRUE(refused);
  EXPECT_TRUE(refused->is_refused);
  EXPECT_EQ(refused->source, (io::Endpoint{0xC6336463, 61001}));
  EXPECT_TRUE(refused->payload.empty());
}

TEST_F(IkeRelayTest, WhatMakesNoSenseIsLeftOut) {
  send(from_us(), "");             // nothing to send
  send(from_us(1701), "payload");  // from a port that is not IKE's
  fs_ike_header ipv6 = from_us();
  ipv6.destination.family = AF_INET6;
  send(ipv6, "payload");
  FS_CHECK(::send(charon_.get(), "short", 5, 0) == 5);
  EXPECT_FALSE(relay_.next());
  send(from_us(500), "payload");
  EXPECT_TRUE(relay_.next());
}

}  // namespace
}  // namespace farspan::dataplane
