// SPDX-License-Identifier: Apache-2.0
#include "farspan/lab/topology.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace farspan::lab {
namespace {

class TopologyTest : public testing::Test {
 protected:
  TopologyTest() {
    char name[] = "/tmp/farspan-topology-XXXXXX";
    directory_ = ::mkdtemp(name);
    write("platform.yaml",
          "kind: Region\nname: here\n---\nkind: Node\nname: node-1\nspec: {region: here, "
          "public_address: 203.0.113.1}\n");
    write("network.yaml",
          "kind: Instance\nname: app\nspec: {vswitch: s, address: 172.16.1.10, node: node-1, "
          "netns: app}\n");
  }
  ~TopologyTest() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name) << text;
  }
  Result<Topology> read(const std::string& lab) {
    write("lab.yaml", lab);
    return read_topology(directory_.string());
  }

  std::filesystem::path directory_;
  const std::string head_ = "name: t\nplatform: platform.yaml\nnetwork: [network.yaml]\n";
};

TEST_F(TopologyTest, FindsNodesInstancesAndOffices) {
  auto topology = read(head_ +
                       "offices:\n- {name: o, connection: c, public_address: 198.51.100.1, lan: "
                       "10.1.0.0/24, host: 10.1.0.9, nat: 198.51.100.2}\n");
  ASSERT_TRUE(topology) << topology.error().text();
  ASSERT_EQ(topology->nodes.size(), 1u);
  EXPECT_EQ(topology->nodes[0].public_address.text(), "203.0.113.1");
  ASSERT_EQ(topology->instances.size(), 1u);
  EXPECT_EQ(topology->instances[0].netns, "app");
  ASSERT_EQ(topology->offices.size(), 1u);
  EXPECT_EQ(topology->offices[0].nat->text(), "198.51.100.2");
  EXPECT_EQ(topology->controller.text(), "192.0.2.1");
}

TEST_F(TopologyTest, RefusalsNameTheFieldAndTheValue) {
  const auto refusal = [&](const std::string& lab) {
    auto topology = read(lab);
    return topology ? std::string("accepted") : topology.error().text();
  };
  EXPECT_NE(refusal("platform: platform.yaml\n").find("name is missing"), std::string::npos);
  EXPECT_NE(refusal(head_ + "offises: []\n").find("offises is not a field of a lab"),
            std::string::npos);
  EXPECT_NE(refusal(head_ + "offices:\n- {name: o, connection: c, public_address: 198.51.100.300, "
                            "lan: 10.1.0.0/24, host: 10.1.0.9}\n")
                .find("offices[0].public_address \"198.51.100.300\" is not an IPv4 address"),
            std::string::npos);
  EXPECT_NE(refusal(head_ + "offices:\n- {name: o, connection: c, public_address: 198.51.100.1, "
                            "lan: 10.1.0.0/24, host: 10.2.0.9}\n")
                .find("10.2.0.9 is not in the office's lan"),
            std::string::npos);
  EXPECT_NE(refusal(head_ + "offices:\n- {name: app, connection: c, public_address: 198.51.100.1, "
                            "lan: 10.1.0.0/24, host: 10.1.0.9}\n")
                .find("\"app\" is used twice"),
            std::string::npos);
  EXPECT_NE(refusal(head_ + "offices:\n- {name: o, connection: c, public_address: 203.0.113.1, "
                            "lan: 10.1.0.0/24, host: 10.1.0.9}\n")
                .find("203.0.113.1 is used twice"),
            std::string::npos);
  EXPECT_NE(refusal("name: [\n").find("lab.yaml"), std::string::npos);
}

}  // namespace
}  // namespace farspan::lab
