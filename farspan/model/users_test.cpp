// SPDX-License-Identifier: Apache-2.0
#include "farspan/model/users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "farspan/model/any_resource.h"
#include "farspan/model/global_offices.h"
#include "farspan/model/validate.h"

namespace farspan::model {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Users, AKindIsFoundByItsPosition) {
  for (const auto& resource : list(testing::GlobalOffices(2).model))
    EXPECT_EQ(kind_of(ResourceId{position_of(kind_of(resource)), ""}), kind_of(resource));
}

TEST(Users, PartsAreWhatCannotBeWithoutTheWhole) {
  const testing::GlobalOffices network(5);
  const auto id = [](std::string_view kind, const std::string& name) {
    return ResourceId{position_of(kind), name};
  };
  const auto parts = [&](std::string_view kind, const std::string& name) {
    return parts_of(network.model, Users(network.model), {id(kind, name)});
  };
  EXPECT_THAT(parts("IpsecConnection", "office-1"), ElementsAre(id("VpnRoute", "office-1")));
  const auto of_vpc = parts("Vpc", "us-east");
  for (const ResourceId& part : {id("VSwitch", "us-east-apps"), id("SecurityGroup", "app-us-east"),
                                 id("Instance", "app-us-east"), id("VpnGateway", "us-east"),
                                 id("IpsecConnection", "office-1"), id("VpnRoute", "office-2"),
                                 id("CenAttachment", "us-east"), id("CenRoute", "office-1")})
    EXPECT_THAT(of_vpc, Contains(part));
  EXPECT_THAT(of_vpc, Not(Contains(id("CustomerGateway", "office-1"))));
  EXPECT_THAT(of_vpc, Not(Contains(id("VSwitch", "shanghai-apps"))));
  EXPECT_THAT(parts("SecurityGroup", "app-us-east"), IsEmpty())
      << "an instance is not deleted for one of its groups";
  Model without = network.model;
  erase(without, "Vpc", "us-east");
  for (const ResourceId& part : of_vpc)
    EXPECT_TRUE(erase(without, kind_of(part), part.name)) << part.name;
  EXPECT_TRUE(validate(without, network.model).empty());
}

}  // namespace
}  // namespace farspan::model
