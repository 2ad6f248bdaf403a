// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share: a state directory that goes away, and a small network to
// declare.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "farspan/controller/controller.h"
#include "farspan/store/sqlite_store.h"

namespace farspan::controller {

class StateDirectory {
 public:
  StateDirectory() {
    char name[] = "/tmp/farspan-controller-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~StateDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::unique_ptr<Controller> open_controller(const StateDirectory& directory) {
  auto store = store::open_sqlite(directory.path() + "/store.db");
  EXPECT_TRUE(store.ok()) << store.error().text();
  auto controller = Controller::open(std::move(store).value());
  EXPECT_TRUE(controller.ok()) << controller.error().text();
  return std::move(controller).value();
}

inline constexpr const char* kUsEast = R"(
kind: Region
name: us-east
---
kind: Node
name: us-east-node
spec: {region: us-east, public_address: 192.0.2.1}
---
kind: Vpc
name: us-east
spec: {region: us-east, cidr_blocks: [172.16.0.0/16]}
---
kind: VSwitch
name: us-east
spec: {vpc: us-east, cidr: 172.16.1.0/24}
---
kind: SecurityGroup
name: app
spec: {vpc: us-east}
---
kind: Instance
name: app-us-east
spec: {vswitch: us-east, address: 172.16.1.10, security_groups: [app], node: us-east-node}
---
kind: VpnGateway
name: us-east
spec: {vpc: us-east, node: us-east-node}
---
kind: CustomerGateway
name: office-1
spec: {address: 198.51.100.1}
---
kind: IpsecConnection
name: office-1
spec:
  vpn_gateway: us-east
  customer_gateway: office-1
  local_subnets: [0.0.0.0/0]
  remote_subnets: [10.10.10.0/24]
)";

inline constexpr const char* kShanghai = R"(
kind: Region
name: shanghai
---
kind: Node
name: shanghai-node
spec: {region: shanghai, public_address: 192.0.2.2}
)";

inline constexpr const char* kOffice2 = R"(
kind: CustomerGateway
name: office-2
spec: {address: 198.51.100.2}
---
kind: IpsecConnection
name: office-2
spec:
  vpn_gateway: us-east
  customer_gateway: office-2
  local_subnets: [0.0.0.0/0]
  remote_subnets: [10.10.20.0/24]
)";

}  // namespace farspan::controller
