// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "farspan/compiler/export_swanctl.h"
#include "farspan/model/global_offices.h"

namespace farspan::compiler {
namespace {

using model::testing::cidr;
using model::testing::GlobalOffices;

TEST(Export, SwanctlIsTheConnectionSeenFromTheOffice) {
  const auto text = export_swanctl(GlobalOffices(1).model, "office-1");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, R"(# IpsecConnection office-1 of Vpc us-east, set up from the office's side.
# For strongSwan 5.9 or newer: save it as /etc/swanctl/conf.d/office-1.conf and run
#   swanctl --load-all
# It holds the pre-shared key: let nobody but root read it.

connections {
  office-1 {
    version = 2
    # Any address of this device: behind NAT it does not have 198.51.100.11 itself.
    local_addrs = %any
    remote_addrs = 203.0.113.1
    # Exactly what the gateway expects; it accepts nothing else.
    proposals = aes256-sha256-modp2048
    rekey_time = 82080s
    over_time = 4320s
    keyingtries = 0
    mobike = no
    dpd_delay = 10s
    local {
      auth = psk
      id = "198.51.100.11"
    }
    remote {
      auth = psk
      id = "203.0.113.1"
    }
    children {
      office-1 {
        # The office's networks, and what lies behind the gateway.
        local_ts = 10.10.10.0/24
        remote_ts = 0.0.0.0/0
        esp_proposals = aes256gcm16-modp2048
        rekey_time = 82080s
        life_time = 86400s
        # Both ends start; whichever is heard first wins.
        start_action = start
        dpd_action = restart
      }
    }
  }
}

secrets {
  ike-office-1 {
    id-office = "198.51.100.11"
    id-gateway = "203.0.113.1"
    secret = "psk-of-office-1"
  }
}
)");
}

TEST(Export, SwanctlOfIkev1SaysSo) {
  GlobalOffices network(1);
  auto& connection = network.model.all<model::IpsecConnection>()["office-1"];
  connection.ike.version = model::IkeVersion::kIkev1;
  connection.ike.mode = model::IkeMode::kAggressive;
  connection.has_dpd = false;
  const auto text = export_swanctl(network.model, "office-1");
  EXPECT_NE(text->find("version = 1\n    aggressive = yes\n"), std::string::npos);
  EXPECT_EQ(text->find("dpd"), std::string::npos);
}

TEST(Export, KeysThatSwanctlWouldMisreadAreWrittenSafely) {
  GlobalOffices network(1);
  auto& psk = network.model.all<model::IpsecConnection>()["office-1"].ike.psk;
  const auto secret = [&] {
    const std::string text = *export_swanctl(network.model, "office-1");
    const size_t at = text.find("secret = ") + 9;
    return text.substr(at, text.find('\n', at) - at);
  };
  psk = "a\"b#{c}";
  EXPECT_EQ(secret(), "\"a\\\"b#{c}\"");
  psk = "0x1234";  // would be taken for two bytes
  EXPECT_EQ(secret(), "0sMHgxMjM0");
  psk = "0sAb";
  EXPECT_EQ(secret(), "0sMHNBYg==");
  psk = "0xabc";
  EXPECT_EQ(secret(), "0sMHhhYmM=");
}

TEST(Export, JsonHasTheNamesOfTheDownload) {
  GlobalOffices network(1);
  auto& connection = network.model.all<model::IpsecConnection>()["office-1"];
  connection.local_subnets = {cidr("172.16.1.0/24"), cidr("172.16.2.0/24")};
  connection.ike.psk = "q\"uote";
  EXPECT_EQ(*export_json(network.model, "office-1"), R"({"VpnConnectionConfig": {
  "Local": "198.51.100.11",
  "Remote": "203.0.113.1",
  "LocalSubnet": "10.10.10.0/24",
  "RemoteSubnet": "172.16.1.0/24,172.16.2.0/24",
  "IkeConfig": {"Psk": "q\"uote", "IkeVersion": "ikev2", "IkeMode": "main", "IkeEncAlg": "aes256", "IkeAuthAlg": "sha256", "IkePfs": "group14", "IkeLifetime": 86400, "LocalId": "198.51.100.11", "RemoteId": "203.0.113.1"},
  "IpsecConfig": {"IpsecEncAlg": "aes256gcm", "IpsecAuthAlg": "sha256", "IpsecPfs": "group14", "IpsecLifetime": 86400}
}}
)");
}

TEST(Export, OfWhatDoesNotExistIsRefused) {
  const auto text = export_swanctl(GlobalOffices(1).model, "office-9");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(text.error().text(),
            "IpsecConnection office-9: does not exist; see which ones do with: farspan get "
            "ipsec-connections");
}

}  // namespace
}  // namespace farspan::compiler
