// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/tables_server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <map>

#include "farspan/v1/tables.pb.h"

namespace farspan::dataplane {
namespace {

using ::testing::HasSubstr;

class TablesServerTest : public ::testing::Test {
 protected:
  v1::TablesReply ask_bytes(std::string bytes, std::vector<UniqueFd> fds = {}) {
    v1::TablesReply reply;
    EXPECT_TRUE(reply.ParseFromString(server_.serve({std::move(bytes), std::move(fds)})));
    return reply;
  }
  v1::TablesReply ask(const std::string& text, std::vector<UniqueFd> fds = {}) {
    v1::TablesRequest request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request));
    return ask_bytes(request.SerializeAsString(), std::move(fds));
  }
  v1::TablesReply program_one_port() {
    std::vector<UniqueFd> fds;
    fds.emplace_back(::open("/dev/null", O_RDWR | O_CLOEXEC));
    return ask(R"(batch { generation: 4 vrfs { id: 3 router: "172.16.1.253" label: 19 }
      tunnels { id: 20 vrf: 3 }
      ports { id: 7 vrf: 3 address: "172.16.1.10" gateway: "172.16.1.253" subnet: "172.16.1.0/24"
              mac: "\002\372\000\000\000\007" has_fd: true } })",
               std::move(fds));
  }

  TableBuilder builder_;
  Published<Tables> tables_{builder_.first()};
  NodeCounters first_worker_, second_worker_;
  std::vector<SaRow> sas_;
  Result<FlowsCopy> flows_ = FlowsCopy{};
  Result<FlowSharesCopy> shares_ = FlowSharesCopy{};
  uint32_t asked_limit_ = 0;
  int published_ = 0;
  TablesServer server_{builder_,
                       tables_,
                       {&first_worker_, &second_worker_},
                       {[this] { return sas_; },
                        [this](uint32_t limit) {
                          asked_limit_ = limit;
                          return flows_;
                        },
                        [this](uint32_t limit) {
                          asked_limit_ = limit;
                          return shares_;
                        },
                        [this] { ++published_; }}};
};

TEST_F(TablesServerTest, PublishesABatchAndAnswersItsGeneration) {
  EXPECT_EQ(ask("get_tables { }").tables().generation(), 0u);
  const v1::TablesReply reply = program_one_port();
  EXPECT_EQ(reply.error(), "");
  EXPECT_EQ(reply.batch().generation(), 4u);
  EXPECT_EQ(published_, 1);
  EXPECT_FALSE(tables_.current().ports[0].is_vacant);
  EXPECT_EQ(ask("get_tables { }").ShortDebugString(), "tables { generation: 4 ports: 7 }");
}

TEST_F(TablesServerTest, APortWhoseDeviceDiedIsNotLive) {
  program_one_port();
  const UniqueFd* const device = tables_.current().ports[0].tap.get();
  server_.tap_died(PortId(7), device);
  server_.tap_died(PortId(7), device);
  EXPECT_EQ(published_, 2);
  EXPECT_EQ(ask("get_tables { }").ShortDebugString(), "tables { generation: 4 }");
}

TEST_F(TablesServerTest, ARefusedBatchLeavesTheTablesAlone) {
  program_one_port();
  const TablesVersion before = tables_.current().version;
  EXPECT_EQ(
      ask("batch { generation: 5 removed_vrfs: 3 }").error(),
      "port 7: vrf 3 does not exist; send the missing row in the same batch or remove this one");
  EXPECT_EQ(tables_.current().version, before);
  EXPECT_EQ(published_, 1);
}

TEST_F(TablesServerTest, RefusesWhatIsNoRequest) {
  EXPECT_EQ(ask_bytes("\xFF\xFF\xFF").error(), "tables request: is malformed; speak tables.proto");
  EXPECT_THAT(ask_bytes("").error(), HasSubstr("asks for nothing"));
  std::vector<UniqueFd> fds;
  fds.emplace_back(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const int fd = fds[0].get();
  EXPECT_THAT(ask("get_sas { }", std::move(fds)).error(), HasSubstr("comes with descriptors"));
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1) << "leaked";
}

TEST_F(TablesServerTest, SumsTheCountersOfTheWorkers) {
  program_one_port();
  first_worker_.add(Counter::kFromPort, 40);
  second_worker_.add(Counter::kFromPort, 2);
  second_worker_.drop(DropReason::kReplayed);
  tables_.current().ports[0].counters->packets_in.add(3);
  tables_.current().tunnels[0].counters->bytes_out.add(9);
  const v1::Counters counters = ask("get_counters { }").counters();
  std::map<std::string, uint64_t> by_name;
  for (const v1::CounterValue& row : counters.counters()) by_name[row.name()] = row.value();
  EXPECT_EQ(by_name.size(), kCounterNames.size() + kDropReasonCount) << "every name once";
  EXPECT_EQ(by_name["packets.from_port"], 42u);
  EXPECT_EQ(by_name["drop.replayed"], 1u);
  EXPECT_EQ(by_name["drop.no_route"], 0u);
  ASSERT_EQ(counters.ports_size(), 1);
  EXPECT_EQ(counters.ports(0).ShortDebugString(), "port: 7 packets_in: 3");
  EXPECT_EQ(counters.tunnels(0).ShortDebugString(), "tunnel: 20 bytes_out: 9");
}

TEST_F(TablesServerTest, SaysWhatIsKnownOfThePathOfATunnel) {
  program_one_port();
  EXPECT_FALSE(ask("get_counters { }").counters().tunnels(0).has_path()) << "nothing was sent yet";
  TunnelPath& path = *tables_.current().tunnels[0].path;
  path.set_route(0xC0000202, 1500, 1);
  path.lower(1300, MtuOrigin::kQuote, 1);
  const v1::PathMtu said = ask("get_counters { }").counters().tunnels(0).path();
  EXPECT_EQ(said.mtu(), 1300u);
  EXPECT_EQ(said.route_mtu(), 1500u);
  EXPECT_EQ(said.origin(), "quote");
  EXPECT_GT(said.seconds_ago(), 0u);
}

TEST_F(TablesServerTest, ShowsSas) {
  sas_ = {{0xC0FFEE01, true, 5, 600}};
  EXPECT_EQ(ask("get_sas { }").sas().sas(0).ShortDebugString(),
            "spi: 3237998081 is_inbound: true packets: 5 bytes: 600");
}

TEST_F(TablesServerTest, ShowsFlowsAsTheirFirstPacketWent) {
  FlowTable table(4);
  Flow* flow =
      table.create({FlowDomain(3), 0xC0000201, 0x0A0A0A05, 40000, 80, 6}, std::chrono::seconds(10));
  table.touch({flow, FlowDirection::kOriginal}, std::chrono::seconds(10), 1, 60);
  table.touch({flow, FlowDirection::kReply}, std::chrono::seconds(10), 1, 60);
  flows_ = FlowsCopy{{*flow}, 1, std::chrono::seconds(12)};
  const v1::Flows flows = ask("get_flows { limit: 10 }").flows();
  EXPECT_EQ(asked_limit_, 10u);
  EXPECT_EQ(flows.total(), 1u);
  EXPECT_EQ(
      flows.flows(0).ShortDebugString(),
      "domain: 3 protocol: 6 source: \"192.0.2.1:40000\" destination: \"10.10.10.5:80\" state: "
      "\"opening\" packets: 2 bytes: 120 age_seconds: 2");
  flows_ = Error{ErrorCode::kUnavailable, "flows", "", "the worker does not answer", "try again"};
  EXPECT_THAT(ask("get_flows { }").error(), HasSubstr("the worker does not answer"));
  EXPECT_EQ(asked_limit_, FlowRequest::kMaxFlows);
}

TEST_F(TablesServerTest, TellsWhoHoldsHowManyFlows) {
  shares_->flows = 30;
  shares_->capacity = 100;
  shares_->top = {{.owner = FlowOwner::of(TunnelId(9)),
                   .flows = 20,
                   .weak = 15,
                   .opened_last_second = 7,
                   .opened = 50,
                   .refused = 3,
                   .evicted = 30},
                  {.owner = FlowOwner::of(PortId(7)), .flows = 6},
                  {.owner = FlowOwner::behind(TunnelId(20), VrfId(3), 0), .flows = 3},
                  {.owner = {}, .flows = 1}};
  const v1::FlowShares told = ask("get_flow_shares { limit: 4 }").flow_shares();
  EXPECT_EQ(asked_limit_, 4u);
  EXPECT_EQ(told.flows(), 30u);
  EXPECT_EQ(told.capacity(), 100u);
  ASSERT_EQ(told.shares_size(), 4);
  EXPECT_EQ(told.shares(0).ShortDebugString(),
            "office: 9 flows: 20 weak: 15 opened_last_second: 7 opened: 50 refused: 3 evicted: 30");
  EXPECT_EQ(told.shares(1).ShortDebugString(), "port: 7 flows: 6");
  EXPECT_EQ(told.shares(2).ShortDebugString(), "link: 20 vrf: 3 flows: 3");
  EXPECT_EQ(told.shares(3).ShortDebugString(), "flows: 1");
}

}  // namespace
}  // namespace farspan::dataplane
