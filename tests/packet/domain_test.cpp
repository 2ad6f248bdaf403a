// SPDX-License-Identifier: Apache-2.0
// Two VRFs of one node whose Vpcs share a Cen: their routes lead into each other's ports, and a
// flow between them is one flow.
#include <farspan/v1/tables.pb.h>
#include <gmock/gmock.h>

#include "tests/packet/rig.h"

namespace farspan::dataplane::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using enum DropReason;

class Domain : public World {
 protected:
  // Port 6 stands in VRF 2; each VRF has a route to the other's port. Only UDP from .5 may enter.
  void program(uint32_t first_domain, uint32_t second_domain) {
    berlin.program([=](v1::TablesBatch& batch) {
      plain_tables(batch, "10.1.0", {});
      allow_from(batch, "10.1.0.5/32", 17);
      batch.mutable_vrfs(0)->set_flow_domain(first_domain);
      auto* second = batch.add_vrfs();
      second->set_id(2);
      second->set_router("10.1.0.1");
      second->set_label(kLabel + 1);
      second->set_flow_domain(second_domain);
      batch.mutable_ports(1)->set_vrf(2);
      for (const uint32_t id : {5u, 6u}) {
        auto* route = batch.add_routes();
        route->mutable_key()->set_vrf(2);
        route->mutable_key()->set_destination("10.1.0." + std::to_string(id) + "/32");
        route->mutable_next_hop()->set_port(id);
      }
    });
  }
};

TEST_F(Domain, AnAnswerFromAnotherVpcOfTheCenNeedsNoRule) {
  program(40, 40);
  berlin.from_instance(5, frame(udp({"10.1.0.5", "10.1.0.6"}, 4000, 53, "query")));
  EXPECT_THAT(berlin.taken_from(6),
              ElementsAre("10.1.0.5 > 10.1.0.6 ttl=63 udp 4000 > 53 \"query\""));
  berlin.from_instance(6, frame(udp({"10.1.0.6", "10.1.0.5"}, 53, 4000, "answer")));
  EXPECT_THAT(berlin.taken_from(5),
              ElementsAre("10.1.0.6 > 10.1.0.5 ttl=63 udp 53 > 4000 \"answer\""));
  berlin.from_instance(6, frame(udp({"10.1.0.6", "10.1.0.5"}, 53, 4001, "not asked for")));
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  expect_drops(berlin, {{kSecurityGroupIngress, 1}});
}

TEST_F(Domain, VpcsOfNoCommonCenKeepTheirFlowsApart) {
  program(0, 0);
  berlin.from_instance(5, frame(udp({"10.1.0.5", "10.1.0.6"}, 4000, 53, "query")));
  EXPECT_EQ(berlin.taken_from(6).size(), 1u);
  berlin.from_instance(6, frame(udp({"10.1.0.6", "10.1.0.5"}, 53, 4000, "a flow of its own")));
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  expect_drops(berlin, {{kSecurityGroupIngress, 1}});
}

}  // namespace
}  // namespace farspan::dataplane::testing
