// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/difference.h"

#include <gtest/gtest.h>

#include "farspan/model/global_offices.h"
#include "farspan/model/random_resource.h"

namespace farspan::documents {
namespace {

using model::AnyResource;
using Changes = std::vector<FieldChange>;

TEST(Difference, NamesEachFieldAndNoSecret) {
  const model::testing::GlobalOffices network(5);
  const AnyResource before = *find(network.model, "IpsecConnection", "office-1");
  AnyResource after = before;
  auto& connection = std::get<model::IpsecConnection>(after);
  connection.meta.description = "moved";
  connection.remote_subnets.push_back(model::testing::cidr("10.10.11.0/24"));
  connection.ike.lifetime_seconds = 3600;
  connection.ike.psk = "another";
  connection.ike.remote_id = "office-1.example.net";
  EXPECT_EQ(difference(&before, &after),
            (Changes{{"description", "", "moved"},
                     {"remote_subnets", "10.10.10.0/24", "10.10.10.0/24, 10.10.11.0/24"},
                     {"ike.lifetime_seconds", "86400", "3600"},
                     {"ike.remote_id", "", "office-1.example.net"},
                     {"ike.psk", "(secret)", "(secret)"}}));
  EXPECT_EQ(difference(&before, &before), Changes{});
}

TEST(Difference, TellsOfEveryFieldOfAResourceThatComesOrGoes) {
  const model::testing::GlobalOffices network(5);
  const AnyResource vswitch = *find(network.model, "VSwitch", "us-east-apps");
  EXPECT_EQ(difference(nullptr, &vswitch),
            (Changes{{"vpc", "", "us-east"}, {"cidr", "", "172.16.1.0/24"}}));
  EXPECT_EQ(difference(&vswitch, nullptr),
            (Changes{{"vpc", "us-east", ""}, {"cidr", "172.16.1.0/24", ""}}));
  const AnyResource connection = *find(network.model, "IpsecConnection", "office-1");
  const std::string psk = std::get<model::IpsecConnection>(connection).ike.psk;
  ASSERT_FALSE(psk.empty());
  size_t secrets = 0;
  for (const FieldChange& change : difference(nullptr, &connection)) {
    EXPECT_EQ(change.to.find(psk), std::string::npos) << change.field;
    secrets += change.to == kSecretShown ? 1 : 0;
  }
  EXPECT_EQ(secrets, 1u);
}

TEST(Difference, ARuleThatGoesIsOneChange) {
  const model::testing::GlobalOffices network(5);
  const AnyResource before = *find(network.model, "SecurityGroup", "app-us-east");
  AnyResource after = before;
  auto& rules = std::get<model::SecurityGroup>(after).rules;
  ASSERT_GE(rules.size(), 3u);
  rules.erase(rules.begin() + 1);
  const auto gone = difference(&before, &after);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone[0].field, "rules[1]");
  EXPECT_EQ(gone[0].to, "");
  EXPECT_NE(gone[0].from.find("direction ingress"), std::string::npos) << gone[0].from;

  after = before;
  auto& rule = std::get<model::SecurityGroup>(after).rules.back();
  rule.priority = rule.priority == 7 ? 8 : 7;
  const auto moved = difference(&before, &after);
  ASSERT_EQ(moved.size(), 1u);
  EXPECT_EQ(moved[0].field, "rules[" + std::to_string(rules.size() - 1) + "].priority");
}

TEST(Difference, IsEmptyOnlyBetweenEquals) {
  model::testing::RandomResource random(99);
  std::vector<AnyResource> resources;
  for (int i = 0; i < 120; ++i) resources.push_back(random.next());
  size_t pairs = 0;
  for (AnyResource& a : resources) {
    for (AnyResource b : resources) {
      if (a.index() != b.index()) continue;
      meta_of(b).name = meta_of(a).name;  // a resource does not change its name
      EXPECT_EQ(difference(&a, &b).empty(), a == b) << kind_of(a);
      ++pairs;
    }
  }
  EXPECT_GT(pairs, 500u);
}

}  // namespace
}  // namespace farspan::documents
