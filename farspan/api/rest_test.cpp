// SPDX-License-Identifier: Apache-2.0
// What is answered when nodes report: the real controller and compiler, with reports as a session
// would leave them.
#include "farspan/api/rest.h"

#include <gmock/gmock.h>

#include "farspan/api/drop_words.h"
#include "farspan/api/json.h"
#include "farspan/api/resource_status.h"
#include "farspan/controller/test_network.h"

namespace farspan::api {
namespace {

using controller::Mode;
using testing::HasSubstr;

const auto kNow = std::chrono::steady_clock::now();

class RestTest : public testing::Test {
 protected:
  RestTest() {
    EXPECT_TRUE(controller_->apply(controller::kUsEast, Mode::kCommit).ok());
    session_ = reports_.connected("us-east-node", "test", "192.0.2.1", kNow);
  }

  Json get(std::string_view target) {
    auto request = Rest::parse_target(target);
    request->method = "GET";
    const auto answer = std::get<Answer>(rest_.answer(*request));
    EXPECT_EQ(answer.status, 200u) << answer.body;
    return Json::parse(answer.body);
  }
  void report_in_force(std::vector<controller::ItemFailure> failures = {}) {
    reports_.in_force("us-east-node", session_, 1, std::move(failures), kNow);
  }
  void report_tunnel(const std::string& ike, const std::string& child,
                     std::optional<uint64_t> last_packet_in = {},
                     std::optional<controller::PathMtuReport> path = {}) {
    controller::TunnelReport tunnel;
    tunnel.tunnel =
        controller_->published()->model.find<model::IpsecConnection>("office-1")->meta.number;
    tunnel.ike_state = ike;
    tunnel.child_state = child;
    tunnel.last_packet_in_seconds_ago = last_packet_in;
    tunnel.path = std::move(path);
    if (child != "ipsec_sa_established")
      tunnel.problem =
          controller::TunnelProblem{"psk_mismatch", "the keys differ", "compare them", 3};
    controller::NodeStatus status;
    status.tunnels = {tunnel};
    status.counters = {{"drop.bad_icv", 7}, {"packets.in", 9}};
    status.is_dataplane_up = status.is_charon_up = true;
    reports_.status("us-east-node", session_, status, std::chrono::steady_clock::now());
  }

  controller::StateDirectory directory_;
  std::unique_ptr<controller::Controller> controller_ = controller::open_controller(directory_);
  controller::NodeReports reports_;
  std::unique_ptr<controller::CertificateAuthority> authority_ =
      controller::CertificateAuthority::open(directory_.path()).value();
  controller::Enrolments enrolments_ = controller::Enrolments::open(directory_.path()).value();
  Rest rest_{{*controller_, reports_, *authority_, enrolments_, "127.0.0.1:1"}};
  controller::NodeReports::SessionNumber session_ = 0;
};

TEST_F(RestTest, NothingIsInForceBeforeItsNodeSaysSo) {
  const Json status = get("/v1/resources/Vpc/us-east")["status"];
  EXPECT_EQ(status["in_force"], false);
  EXPECT_THAT(status["reason"], HasSubstr("generation 0 in force, and 1 is wanted"));
  report_in_force();
  for (const char* target :
       {"Vpc/us-east", "VSwitch/us-east", "SecurityGroup/app", "Instance/app-us-east",
        "VpnGateway/us-east", "CustomerGateway/office-1", "IpsecConnection/office-1",
        "Node/us-east-node", "Region/us-east"})
    EXPECT_EQ(get(std::string("/v1/resources/") + target)["status"]["in_force"], true) << target;
  EXPECT_EQ(get("/v1/resources/Instance/app-us-east")["status"]["state"], "plugged_in");
}

TEST_F(RestTest, AFailureIsToldAtItsResourceAndNotAtOthers) {
  report_in_force({{"Instance app-us-east", "no namespace app", "make it"}});
  const Json status = get("/v1/resources/Instance/app-us-east")["status"];
  EXPECT_EQ(status["in_force"], false);
  EXPECT_EQ(status["state"], "not_plugged_in");
  EXPECT_EQ(status["reason"], "node us-east-node: Instance app-us-east: no namespace app");
  EXPECT_EQ(status["remedy"], "make it");
  EXPECT_EQ(get("/v1/resources/Vpc/us-east")["status"]["in_force"], true);
  EXPECT_EQ(get("/v1/nodes")["nodes"][0]["in_force"], false);
}

TEST_F(RestTest, WithoutItsDataPlaneNothingOfANodeIsInForce) {
  report_in_force({{"dataplane", "does not answer", "start it"}});
  EXPECT_EQ(get("/v1/resources/Instance/app-us-east")["status"]["in_force"], false);
  EXPECT_EQ(get("/v1/resources/IpsecConnection/office-1")["status"]["in_force"], false);
}

TEST_F(RestTest, AConnectionSaysWhatItsTunnelDoes) {
  report_in_force();
  report_tunnel("ike_sa_not_established", "ipsec_sa_not_established");
  Json status = get("/v1/resources/IpsecConnection/office-1")["status"];
  EXPECT_EQ(status["state"], "ike_sa_not_established");
  EXPECT_EQ(status["problem"]["cause"], "psk_mismatch");
  report_tunnel("ike_sa_established", "ipsec_sa_established");
  status = get("/v1/resources/IpsecConnection/office-1")["status"];
  EXPECT_EQ(status["state"], "ipsec_sa_established");
  EXPECT_TRUE(status["problem"].is_null());
  EXPECT_EQ(get("/v1/tunnels")["tunnels"][0]["reported"], true);
}

TEST_F(RestTest, AListHoldsWhatMeetsEveryCondition) {
  report_in_force();
  const auto count = [&](const std::string& where) {
    return get("/v1/resources/IpsecConnection?where=" + where)["items"].size();
  };
  const size_t all = get("/v1/resources/IpsecConnection")["items"].size();
  ASSERT_GT(all, 0u);
  EXPECT_EQ(count("spec.vpn_gateway=us-east"), all);
  EXPECT_EQ(count("spec.vpn_gateway=shanghai"), 0u);
  EXPECT_EQ(count("name=office-1,status.in_force=true"), 1u);
  EXPECT_EQ(count("name=office-1,status.in_force=false"), 0u);
  EXPECT_EQ(count("spec.remote_subnets=10.10.10.0/24"), 1u) << "one of a list";
  EXPECT_EQ(count("spec.ike.version=ikev2"), all) << "its default";
  EXPECT_EQ(get("/v1/resources/IpsecConnection?where=name=office-1&limit=1").count("continue"), 0u);
}

TEST_F(RestTest, AConditionOnWhatIsNoFieldIsRefused) {
  for (const char* where : {"vpn_gateway", "spec.colour=red", "spec.ike.psk=x", "spec.ike=x",
                            "status.mood=good", "kind=Vpc", ""}) {
    auto request = Rest::parse_target("/v1/resources/IpsecConnection");
    request->method = "GET";
    request->query["where"] = where;
    const auto answer = std::get<Answer>(rest_.answer(*request));
    EXPECT_EQ(answer.status, 400u) << where;
    EXPECT_EQ(Json::parse(answer.body)["errors"][0]["field"], "where");
  }
}

TEST_F(RestTest, NoPacketYetIsNotAPacketJustNow) {
  const auto last_in = [&] {
    return get("/v1/tunnels")["tunnels"][0]["last_packet_in_seconds_ago"];
  };
  EXPECT_TRUE(last_in().is_null());  // not reported
  report_tunnel("ike_sa_established", "ipsec_sa_established");
  EXPECT_TRUE(last_in().is_null());
  report_tunnel("ike_sa_established", "ipsec_sa_established", 0);
  EXPECT_EQ(last_in(), 0);
}

TEST_F(RestTest, TheWayToThePeerIsAsTheNodeSaid) {
  report_tunnel("ike_sa_established", "ipsec_sa_established");
  EXPECT_TRUE(get("/v1/tunnels")["tunnels"][0]["path_mtu"].is_null());
  report_tunnel("ike_sa_established", "ipsec_sa_established", 0,
                controller::PathMtuReport{1280, 1500, "black_hole", 7});
  const Json path = get("/v1/tunnels")["tunnels"][0]["path_mtu"];
  EXPECT_EQ(path["mtu"], 1280);
  EXPECT_EQ(path["route_mtu"], 1500);
  EXPECT_EQ(path["origin"], "black_hole");
  EXPECT_EQ(path["seconds_ago"], 7);
  EXPECT_EQ(path["warning"], "below what the route allows");
}

TEST_F(RestTest, WhoUsesHowManyFlowsIsNamedAsDeclared) {
  EXPECT_EQ(get("/v1/flows")["nodes"][0]["reported"], false);
  const auto number = [&]<class Resource>(const Resource*, const char* name) {
    return controller_->published()->model.find<Resource>(name)->meta.number;
  };
  const uint32_t instance = number(static_cast<model::Instance*>(nullptr), "app-us-east"),
                 connection = number(static_cast<model::IpsecConnection*>(nullptr), "office-1");
  using User = controller::FlowUser;
  controller::NodeStatus status;
  status.is_dataplane_up = true;
  status.flow_use = {900, 1000, {}};
  status.flow_use->users = {
      User{.kind = User::Kind::kOffice, .id = connection, .flows = 800, .refused = 7},
      User{.kind = User::Kind::kPort, .id = instance, .flows = 90, .weak = 80, .evicted = 5},
      User{.kind = User::Kind::kPort, .id = 4711, .flows = 9},
      User{.kind = User::Kind::kOthers, .flows = 1}};
  reports_.status("us-east-node", session_, std::move(status), std::chrono::steady_clock::now());
  const Json node = get("/v1/flows")["nodes"][0];
  EXPECT_EQ(node["reported"], true);
  EXPECT_EQ(node["flows"], 900);
  EXPECT_EQ(node["capacity"], 1000);
  const Json& users = node["users"];
  ASSERT_EQ(users.size(), 4u);
  EXPECT_EQ(users[0]["kind"], "IpsecConnection");
  EXPECT_EQ(users[0]["name"], "office-1");
  EXPECT_EQ(users[0]["vpc"], "us-east");
  EXPECT_EQ(users[0]["refused"], 7);
  EXPECT_EQ(users[1]["kind"], "Instance");
  EXPECT_EQ(users[1]["name"], "app-us-east");
  EXPECT_EQ(users[1]["weak"], 80);
  EXPECT_EQ(users[1]["evicted"], 5);
  EXPECT_TRUE(users[2]["name"].is_null()) << "of what is not declared any more";
  EXPECT_EQ(users[3]["kind"], "others");
}

constexpr const char* kTwoRegions = R"(
---
{kind: Vpc, name: shanghai, spec: {region: shanghai, cidr_blocks: [172.17.0.0/16]}}
---
{kind: VSwitch, name: shanghai, spec: {vpc: shanghai, cidr: 172.17.1.0/24}}
---
{kind: SecurityGroup, name: app-shanghai, spec: {vpc: shanghai}}
---
kind: Instance
name: app-shanghai
spec: {vswitch: shanghai, address: 172.17.1.10, security_groups: [app-shanghai], node: shanghai-node}
---
{kind: Cen, name: global}
---
{kind: CenAttachment, name: us-east, spec: {cen: global, vpc: us-east}}
---
{kind: CenAttachment, name: shanghai, spec: {cen: global, vpc: shanghai}}
)";

TEST_F(RestTest, ALinkThatFailedSaysWhy) {
  ASSERT_TRUE(
      controller_->apply(std::string(controller::kShanghai) + kTwoRegions, Mode::kCommit).ok());
  const auto link = [&] {
    const Json tunnels = get("/v1/tunnels")["tunnels"];
    for (const Json& tunnel : tunnels)
      if (tunnel["node"] == "us-east-node" && tunnel["kind"] == "link") return tunnel;
    return Json();
  };
  const auto generation = controller_->published()->states.at("us-east-node")->generation;
  for (const char* item : {"Link to Node shanghai-node", "charon"}) {
    reports_.in_force("us-east-node", session_, generation,
                      {{item, "there is no certificate", "enrol the node"}}, kNow);
    EXPECT_EQ(link()["problem"]["cause"], "not_in_force") << item;
    EXPECT_THAT(link()["problem"]["words"], HasSubstr("there is no certificate"));
  }
}

TEST_F(RestTest, ARouteOfACenIsInForceWhileEveryNodeOfTheCenSaysSo) {
  ASSERT_TRUE(controller_
                  ->apply(std::string(controller::kShanghai) + kTwoRegions + R"(
---
{kind: VpnRoute, name: to-office, spec: {vpn_gateway: us-east, destination: 10.10.10.0/24, ipsec_connection: office-1, published: true}}
---
{kind: CenRoute, name: office-1, spec: {cen: global, vpc: us-east, destination: 10.10.10.0/24}}
)",
                          Mode::kCommit)
                  .ok());
  const auto route = [&] { return get("/v1/resources/CenRoute/office-1")["status"]; };
  const auto say = [&](const std::string& node, auto session, controller::SteadyTime when) {
    const auto generation = controller_->published()->states.at(node)->generation;
    reports_.in_force(node, session, generation, {}, when);
  };
  say("us-east-node", session_, kNow);
  EXPECT_THAT(route()["reason"], HasSubstr("node shanghai-node has not connected"));
  const auto shanghai = reports_.connected("shanghai-node", "test", "192.0.2.2", kNow);
  say("shanghai-node", shanghai, kNow);
  EXPECT_EQ(route()["in_force"], true) << route();

  say("shanghai-node", shanghai, kNow - kStatusLifetime - std::chrono::seconds(1));
  EXPECT_EQ(route()["in_force"], false);
  EXPECT_THAT(route()["reason"], HasSubstr("node shanghai-node has said nothing for 1"));
  say("shanghai-node", shanghai, kNow);
  reports_.disconnected("us-east-node", session_);
  EXPECT_EQ(route()["in_force"], false);
  EXPECT_THAT(route()["reason"], HasSubstr("node us-east-node is not connected"));
}

TEST_F(RestTest, OfADisconnectedNodeNothingIsKnown) {
  report_in_force();
  report_tunnel("ike_sa_established", "ipsec_sa_established");
  reports_.disconnected("us-east-node", session_);
  const Json status = get("/v1/resources/IpsecConnection/office-1")["status"];
  EXPECT_EQ(status["state"], "unknown");
  EXPECT_THAT(status["reason"], HasSubstr("is not connected; it was last heard"));
  const Json node = get("/v1/resources/Node/us-east-node")["status"];
  EXPECT_TRUE(node["dataplane_up"].is_null() && node["charon_up"].is_null());
  EXPECT_TRUE(get("/v1/nodes")["nodes"][0]["is_charon_up"].is_null());
}

TEST_F(RestTest, AnOlderSessionOfTheSameNodeIsNotBelieved) {
  report_in_force();
  const auto newer = reports_.connected("us-east-node", "test", "192.0.2.1", kNow);
  reports_.in_force("us-east-node", session_, 1, {}, kNow);
  reports_.disconnected("us-east-node", session_);
  reports_.forget("us-east-node", session_);
  EXPECT_TRUE(reports_.of("us-east-node")->is_connected);
  EXPECT_EQ(reports_.of("us-east-node")->generation_in_force, 0u);
  reports_.in_force("us-east-node", newer, 1, {}, kNow);
  EXPECT_EQ(reports_.of("us-east-node")->generation_in_force, 1u);
  reports_.forget("us-east-node", newer);
  EXPECT_FALSE(reports_.of("us-east-node")->heard_at.has_value());
}

TEST_F(RestTest, TwoMachinesWithOneCertificateAreNamedWithTheirAddresses) {
  report_in_force();
  const auto newer = reports_.connected("us-east-node", "test", "192.0.2.9", kNow);
  reports_.status("us-east-node", session_, {}, kNow + std::chrono::seconds(4));
  EXPECT_FALSE(reports_.of("us-east-node")->two_machines) << "it was still under way";
  reports_.status("us-east-node", session_, {}, kNow + std::chrono::seconds(6));
  const std::string failures = get("/v1/nodes")["nodes"][0]["failures"].dump();
  EXPECT_THAT(failures, HasSubstr("at 192.0.2.9 and at 192.0.2.1"));
  EXPECT_THAT(failures, HasSubstr("farspan revoke us-east-node"));
  reports_.disconnected("us-east-node", newer);
  EXPECT_TRUE(reports_.of("us-east-node")->is_connected) << "the older one is";
  reports_.in_force("us-east-node", session_, 5, {}, kNow + std::chrono::seconds(7));
  EXPECT_EQ(reports_.of("us-east-node")->generation_in_force, 5u) << "and is believed again";
}

TEST_F(RestTest, DropsComeWithTheirWords) {
  report_tunnel("ike_sa_established", "ipsec_sa_established");
  const Json node = get("/v1/nodes")["nodes"][0];
  ASSERT_EQ(node["drops"].size(), 1u);
  EXPECT_EQ(node["drops"][0]["reason"], "bad_icv");
  EXPECT_EQ(node["drops"][0]["packets"], 7);
  EXPECT_EQ(node["drops"][0]["severity"], "peer");
  EXPECT_THAT(node["drops"][0]["words"], HasSubstr("integrity"));
  EXPECT_EQ(node["counters"].size(), 2u);
}

TEST_F(RestTest, ARouteIsInForceWhenItsNodeHasIt) {
  report_in_force();
  ASSERT_TRUE(controller_
                  ->apply(R"({"kind":"VpnRoute","name":"to-office","spec":{"vpn_gateway":"us-east",
      "destination":"10.10.10.0/24","ipsec_connection":"office-1","published":true}})",
                          Mode::kCommit)
                  .ok());
  const auto generation = controller_->published()->states.at("us-east-node")->generation;
  reports_.in_force("us-east-node", session_, generation, {}, kNow);
  EXPECT_EQ(get("/v1/resources/VpnRoute/to-office")["status"]["in_force"], true);
}

TEST(Rest, TargetsAreDecodedOnce) {
  const auto request = Rest::parse_target("/v1/x%2fy?a=1%262&b=&c&d=%252f");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->path, "/v1/x%2fy") << "segments are split before they are decoded";
  EXPECT_EQ(request->query.at("a"), "1&2");
  EXPECT_EQ(request->query.at("b"), "");
  EXPECT_EQ(request->query.at("c"), "");
  EXPECT_EQ(request->query.at("d"), "%2f");
  for (const char* bad : {"/v1?a=%", "/v1?a=%1", "/v1?a=%zz", "/v1?%0"})
    EXPECT_FALSE(Rest::parse_target(bad)) << bad;
}

TEST(DropWords, EveryRowOfTheTableIsThere) {
  EXPECT_GT(drop_words().size(), 40u);
  for (const DropWords& row : drop_words()) {
    EXPECT_FALSE(row.reason.empty());
    EXPECT_TRUE(row.severity == "Expected" || row.severity == "Peer" || row.severity == "Node")
        << row.reason;
    EXPECT_FALSE(row.words.empty());
  }
}

}  // namespace
}  // namespace farspan::api
