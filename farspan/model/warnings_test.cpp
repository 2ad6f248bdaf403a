// SPDX-License-Identifier: Apache-2.0
#include "farspan/model/warnings.h"

#include <gtest/gtest.h>

namespace farspan::model {
namespace {

std::vector<std::string> fields_warned_of(const IpsecConnection& connection) {
  std::vector<std::string> fields;
  for (const Error& warning : warnings_of(connection)) fields.push_back(warning.field);
  return fields;
}

using Fields = std::vector<std::string>;

TEST(Warnings, WhatIsNotDeclaredNeverNeedsOne) {
  IpsecConnection connection;
  EXPECT_EQ(fields_warned_of(connection), Fields{});
  connection.ipsec.encryption = Encryption::kAes128;
  connection.ipsec.integrity = Integrity::kSha1;
  EXPECT_EQ(fields_warned_of(connection), Fields{});
  EXPECT_TRUE(warnings_of(Vpc{}).empty());
}

TEST(Warnings, OldAlgorithmsAreNamedWithTheirCostAndABetterOne) {
  IpsecConnection connection;
  connection.meta.name = "old";
  connection.ike.encryption = Encryption::kTripleDes;
  connection.ike.integrity = Integrity::kMd5;
  connection.ike.dh_group = DhGroup::kGroup1;
  connection.ipsec = {Encryption::kDes, Integrity::kMd5, DhGroup::kGroup2, 3600, 1024};
  EXPECT_EQ(fields_warned_of(connection),
            (Fields{"ike.encryption", "ike.integrity", "ike.dh_group", "ipsec.encryption",
                    "ipsec.integrity", "ipsec.pfs_group"}));
  EXPECT_EQ(warnings_of(connection)[3].text(),
            "IpsecConnection old: ipsec.encryption des has a key of 56 bits: whoever records the "
            "packets can read them (RFC 8221 §5); use aes256gcm if the device can");
  connection.ipsec.encryption = Encryption::kAes256Gcm;  // which takes no hash
  EXPECT_EQ(fields_warned_of(connection),
            (Fields{"ike.encryption", "ike.integrity", "ike.dh_group", "ipsec.pfs_group"}));
}

}  // namespace
}  // namespace farspan::model
