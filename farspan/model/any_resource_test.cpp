// SPDX-License-Identifier: Apache-2.0
#include "farspan/model/any_resource.h"

#include <gtest/gtest.h>

#include "farspan/model/global_offices.h"
#include "farspan/model/kind_names.h"
#include "farspan/model/validate.h"

namespace farspan::model {
namespace {

Meta meta(const std::string& name, uint32_t number, const std::string& description = "") {
  Meta made;
  made.name = name;
  made.number = number;
  made.description = description;
  return made;
}

TEST(KindNames, AreThoseOfTheModelInItsOrder) {
  std::vector<std::string> kinds, of_model;
  for (const KindName& name : kind_names()) kinds.emplace_back(name.kind);
  std::apply(
      [&](const auto&... by_name) {
        (of_model.emplace_back(std::remove_cvref_t<decltype(by_name)>::mapped_type::kKind), ...);
      },
      Kinds{});
  EXPECT_EQ(kinds, of_model);
}

TEST(KindNames, EverySpellingIsUnderstood) {
  for (const char* word : {"IpsecConnection", "ipsecconnection", "ipsec-connection",
                           "ipsec_connections", "IPSECCONNECTIONS", "ipsecconnections"}) {
    ASSERT_TRUE(kind_from(word)) << word;
    EXPECT_EQ(kind_from(word)->kind, "IpsecConnection");
  }
  EXPECT_EQ(kind_from("vswitches")->kind, "VSwitch");
  EXPECT_EQ(kind_from("cens")->kind, "Cen");
  for (const char* word : {"", "ipsec", "s", "regionss"}) EXPECT_FALSE(kind_from(word)) << word;
}

TEST(KindNames, NearestIsASlipOfTheFingerAndNotMore) {
  const std::vector<std::string> words = {"cidr", "vpc", "description"};
  EXPECT_EQ(nearest("cdir", words), "cidr");
  EXPECT_EQ(nearest("descripton", words), "description");
  EXPECT_EQ(nearest("gateway", words), std::nullopt);
}

TEST(AnyResource, GoesInAndOutOfAModel) {
  Model model;
  for (const AnyResource& resource : list(testing::GlobalOffices(5).model)) upsert(model, resource);
  EXPECT_EQ(model, testing::GlobalOffices(5).model);
  EXPECT_EQ(list(model, "Node").size(), 2u);
  EXPECT_EQ(label_of(*find(model, "VpnGateway", "us-east")), "VpnGateway us-east");
  EXPECT_TRUE(erase(model, "VpnGateway", "us-east"));
  EXPECT_FALSE(erase(model, "VpnGateway", "us-east"));
  EXPECT_FALSE(erase(model, "Volcano", "us-east"));
  EXPECT_FALSE(find(model, "VpnGateway", "us-east"));
}

TEST(AnyResource, AStandingNodeKeepsItsIdentityAndANewOneGetsARandomOne) {
  const AnyResource standing = Node{meta("a", 1), "eu", {}, 7, 0xab};
  AnyResource again = Node{meta("a", 1), "us", {}};
  AnyResource created = again;
  const auto make_random = [] { return uint64_t{0xcd}; };
  fill_identity(again, &standing, 9, make_random);
  EXPECT_EQ(std::get<Node>(again).identity(), "r7-00000000000000ab.a.node.farspan");
  fill_identity(created, nullptr, 9, make_random);
  EXPECT_EQ(std::get<Node>(created).identity(), "r9-00000000000000cd.a.node.farspan");
  Node old;
  old.meta.name = "a";
  EXPECT_EQ(old.identity(), "a.node.farspan");
  old.identity_revision = 7;
  EXPECT_EQ(old.identity(), "r7.a.node.farspan") << "of a store before the random part";
}

TEST(AnyResource, KeepsItsNumberWhenItIsReplaced) {
  Model model;
  upsert(model, Region{meta("eu", 7)});
  upsert(model, Region{meta("eu", 99, "changed")});
  EXPECT_EQ(model.find<Region>("eu")->meta, meta("eu", 7, "changed"));
}

TEST(AnyResource, KeepsOrGetsTheSecretItLeavesOut) {
  const auto psk = [](const AnyResource& resource) {
    return std::get<IpsecConnection>(resource).ike.psk;
  };
  AnyResource standing = IpsecConnection{}, declared = IpsecConnection{};
  std::get<IpsecConnection>(standing).ike.psk = "old";
  fill_secrets(declared, &standing, [] { return std::string("new"); });
  EXPECT_EQ(psk(declared), "old");
  declared = IpsecConnection{};
  fill_secrets(declared, nullptr, [] { return std::string("new"); });
  EXPECT_EQ(psk(declared), "new");
  std::get<IpsecConnection>(declared).ike.psk = "given";
  fill_secrets(declared, &standing, [] { return std::string("new"); });
  EXPECT_EQ(psk(declared), "given");
}

TEST(AnyResource, WhatNamesAResourceFollowsItsName) {
  const testing::GlobalOffices network(5);
  AnyResource connection = *find(network.model, "IpsecConnection", "office-1");
  EXPECT_FALSE(rename_references(connection, "Vpc", "us-east", "ohio")) << "another kind";
  EXPECT_TRUE(rename_references(connection, "VpnGateway", "us-east", "ohio"));
  EXPECT_EQ(std::get<IpsecConnection>(connection).vpn_gateway, "ohio");
  AnyResource instance = *find(network.model, "Instance", "app-us-east");
  EXPECT_TRUE(rename_references(instance, "SecurityGroup", "app-us-east", "app"));
  EXPECT_EQ(std::get<Instance>(instance).security_groups, std::vector<std::string>{"app"});
}

TEST(AnyResource, AnIdStaysAndAChangeHasItsTime) {
  const auto seven = [] { return uint64_t{7}; };
  AnyResource made = Region{};
  meta_of(made).name = "far";
  fill_times(made, nullptr, 1000, seven);
  EXPECT_EQ(id_of(made), "region-0000000000000007");
  AnyResource again = Region{};
  meta_of(again).name = "far";
  fill_times(again, &made, 2000, seven);
  EXPECT_EQ(again, made) << "nothing changed";
  meta_of(again).description = "new";
  fill_times(again, &made, 3000, seven);
  EXPECT_EQ(id_of(again), id_of(made));
  EXPECT_EQ(meta_of(again).created_at, 1000);
  EXPECT_EQ(meta_of(again).updated_at, 3000);
  AnyResource old = Region{};
  meta_of(old).number = 12;
  EXPECT_EQ(id_of(old), "region-n12");
}

}  // namespace
}  // namespace farspan::model
