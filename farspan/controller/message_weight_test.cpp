// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/message_weight.h"

#include <gtest/gtest.h>

#include <random>

#include "farspan/v1/node_session.pb.h"

namespace farspan::controller {
namespace {

constexpr size_t kNoLimit = SIZE_MAX;

const google::protobuf::Descriptor& type() { return *v1::NodeMessage::descriptor(); }

v1::NodeMessage status_of(int tunnels) {
  v1::NodeMessage message;
  for (int i = 0; i < tunnels; ++i) {
    v1::TunnelStatus& tunnel = *message.mutable_status()->add_tunnels();
    tunnel.set_tunnel(static_cast<uint32_t>(i));
    tunnel.set_ike_state("ike_sa_established");
    tunnel.set_remote("198.51.100.1[4500]");
    v1::ChildSa& child = *tunnel.add_children();
    child.set_spi_in(0xc0000000);
    child.add_local_subnets("10.0.0.0/8");
  }
  return message;
}

TEST(MessageWeight, GrowsWithWhatIsInIt) {
  const auto one = weight_of(status_of(1).SerializeAsString(), type(), kNoLimit);
  const auto many = weight_of(status_of(1000).SerializeAsString(), type(), kNoLimit);
  ASSERT_TRUE(one && many);
  EXPECT_GT(*many, 900 * *one / 2);
  EXPECT_LT(*many, 1000 * *one);
  EXPECT_FALSE(weight_of(status_of(1000).SerializeAsString(), type(), *many - 1));
  EXPECT_TRUE(weight_of(status_of(1000).SerializeAsString(), type(), *many));
}

// The smallest input per object: what the walk says is what the objects take.
TEST(MessageWeight, OfEmptyTunnelsIsNotLessThanTheyTake) {
  v1::NodeMessage message;
  for (int i = 0; i < 10'000; ++i) message.mutable_status()->add_tunnels();
  EXPECT_GE(*weight_of(message.SerializeAsString(), type(), kNoLimit), message.SpaceUsedLong());
}

TEST(MessageWeight, OfUnknownFieldsIsNotLessThanTheyTake) {
  std::string wire;
  for (int i = 0; i < 10'000; ++i) wire += "\xc2\x3e\x03xyz";  // field 1000, 3 bytes
  v1::NodeMessage message;
  ASSERT_TRUE(message.ParseFromString(wire));
  EXPECT_GE(*weight_of(wire, type(), kNoLimit), message.SpaceUsedLong());
}

TEST(MessageWeight, GroupsAndMalformedBytesAreRefused) {
  for (const std::string& wire :
       {std::string("\x23\x24"), std::string("\x22\x05x"), std::string("\x0a"),
        std::string("\x02\x00", 2), std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        std::string("\x09\x00", 2), std::string("\x0d\x00", 2), std::string("\x0e")})
    EXPECT_FALSE(weight_of(wire, type(), kNoLimit)) << testing::PrintToString(wire);
}

// Whatever passes the walk can be parsed in no more than it said; nothing is read beyond the end.
TEST(MessageWeight, OfDamagedMessagesHoldsToo) {
  std::mt19937 random(7);
  const std::string whole = status_of(20).SerializeAsString();
  size_t accepted = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string wire = whole;
    wire[random() % wire.size()] = static_cast<char>(random() % 128);
    const auto weight = weight_of(wire, type(), kNoLimit);
    v1::NodeMessage message;
    if (!weight || !message.ParseFromString(wire)) continue;
    ++accepted;
    EXPECT_GE(*weight, message.SpaceUsedLong());
  }
  EXPECT_GT(accepted, 100u);
}

}  // namespace
}  // namespace farspan::controller
