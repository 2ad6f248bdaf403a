// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/apply.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <cstdlib>
#include <filesystem>

#include "farspan/agent/tables_recorder.h"

namespace farspan::agent {
namespace {

using nodestate::NodeState;
using nodestate::PortId;
using nodestate::TunnelId;
using Events = std::vector<std::string>;
using std::chrono::milliseconds;

// Devices that note what they are told; a namespace in `missing` does not exist.
class RecordedDevices final : public PortDevices {
 public:
  explicit RecordedDevices(EventLog& log) : log_(log) {}
  Result<UniqueFd> open(PortId id, const nodestate::Port& port) override {
    if (missing.contains(port.netns))
      return Error{ErrorCode::kNotFound, "", "netns", port.netns + " does not exist", "create it"};
    log_.add("open " + to_string(id) + " in " + port.netns);
    return UniqueFd(::eventfd(0, EFD_CLOEXEC));
  }
  Status configure(PortId id, const nodestate::Port&) override {
    log_.add("configure " + to_string(id));
    return ok();
  }
  Status remove(PortId id, const std::string& netns) override {
    log_.add("remove " + to_string(id) + " from " + netns);
    return ok();
  }
  std::string place(const std::string& netns) override {
    return missing.contains(netns) ? "" : netns + std::to_string(namespaces_made);
  }
  std::set<std::string> missing;
  int namespaces_made = 1;

 private:
  EventLog& log_;
};

class RecordedTunnels final : public TunnelApplier {
 public:
  explicit RecordedTunnels(EventLog& log) : log_(log) {}
  void want(uint64_t generation, const Tunnels& tunnels) override {
    if (is_hanging) return;
    if (report_.generation != generation)
      log_.add("want " + std::to_string(tunnels.size()) + " tunnels");
    report_.generation = generation;
  }
  TunnelReport report() const override { return report_; }
  bool is_hanging = false;

 private:
  EventLog& log_;
  TunnelReport report_;
};

nodestate::Port port_in(const std::string& netns) {
  nodestate::Port port;
  port.instance = netns;
  port.netns = netns;
  port.vrf = nodestate::VrfId(1);
  return port;
}

class Apply : public testing::Test {
 protected:
  Apply() {
    char pattern[] = "/tmp/farspan-apply-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    dataplane_.emplace(directory_ + "/tables.sock", log_);
    start_agent();
    target_.node = "us-east-1";
    target_.generation = 1;
    target_.vrfs[nodestate::VrfId(1)] = {"us-east", {}, nodestate::Label(17)};
    target_.ports[PortId(5)] = port_in("app");
    target_.tunnels[TunnelId(7)].use =
        nodestate::OfficeTunnel{"office-1", nodestate::VrfId(1), "psk"};
  }
  ~Apply() override { std::filesystem::remove_all(directory_); }

  void start_agent() {
    applier_.reset();
    tables_.emplace(directory_ + "/tables.sock");
    ports_.emplace(devices_, directory_ + "/ports");
    tunnels_.emplace(log_);
    applier_.emplace(*ports_, *tables_, *tunnels_);
  }
  InForce apply() { return applier_->apply(target_, now_); }
  InForce step_after(milliseconds time) {
    now_ += time;
    applier_->step(now_);
    return applier_->in_force(now_);
  }

  EventLog log_;
  std::string directory_;
  Clock::time_point now_ = Clock::now();
  RecordedDevices devices_{log_};
  std::optional<TablesRecorder> dataplane_;
  std::optional<TablesApplier> tables_;
  std::optional<PortApplier> ports_;
  std::optional<RecordedTunnels> tunnels_;
  std::optional<Applier> applier_;
  NodeState target_;
};

TEST_F(Apply, AddsWhatOthersNeedFirst) {
  const InForce in_force = apply();
  EXPECT_EQ(log_.take(), (Events{"open 5 in app", "snapshot 1 +tunnel 7 +port 5 with fd (1 fds)",
                                 "want 1 tunnels"}));
  EXPECT_EQ(in_force, (InForce{1, {}}));
  EXPECT_EQ(applier_->next_step(), Clock::time_point::max());
  step_after(milliseconds(10000));
  EXPECT_EQ(log_.take(), Events{}) << "everything is in force: nothing is done";
}

TEST_F(Apply, RemovesADeviceAfterTheTablesForgotIt) {
  apply();
  log_.take();
  target_.generation = 2;
  target_.ports.clear();
  target_.tunnels.clear();
  EXPECT_EQ(apply(), (InForce{2, {}}));
  EXPECT_EQ(log_.take(), (Events{"increment 2 -port 5 -tunnel 7 (0 fds)", "want 0 tunnels",
                                 "remove 5 from app"}));
}

TEST_F(Apply, APortWithoutItsNamespaceDelaysNobodyAndComesLater) {
  target_.ports[PortId(6)] = port_in("late");
  devices_.missing = {"late"};
  EXPECT_EQ(apply(), (InForce{1, {{"Instance late", "netns late does not exist", "create it"}}}));
  EXPECT_EQ(log_.take(),
            (Events{"open 5 in app", "snapshot 1 +tunnel 7 +port 5 with fd +port 6 (1 fds)",
                    "want 1 tunnels"}));

  devices_.missing.clear();
  step_after(milliseconds(99));
  EXPECT_EQ(log_.take(), Events{}) << "not due yet";
  EXPECT_EQ(step_after(milliseconds(1)), (InForce{1, {}}));
  EXPECT_EQ(log_.take(), (Events{"open 6 in late", "increment 1 +port 6 with fd (1 fds)"}));
}

TEST_F(Apply, ANewNamespaceIsLookedAtAtOnce) {
  devices_.missing = {"app"};
  apply();
  log_.take();
  devices_.missing.clear();
  ports_->expedite();
  step_after(milliseconds(1));
  EXPECT_EQ(log_.take(), (Events{"open 5 in app", "increment 1 +port 5 with fd (1 fds)"}));
}

TEST_F(Apply, ARestartedDataPlaneGetsASnapshotAndNewDescriptors) {
  apply();
  log_.take();
  dataplane_.reset();
  tables_->disconnect(now_);
  const InForce without = step_after(milliseconds(1));
  EXPECT_EQ(tables_->generation(), 0u);
  ASSERT_EQ(without.failures.size(), 1u);
  EXPECT_EQ(without.failures[0].item, "dataplane");

  dataplane_.emplace(directory_ + "/tables.sock", log_);
  EXPECT_EQ(step_after(milliseconds(1000)), (InForce{1, {}}));
  EXPECT_EQ(log_.take(), (Events{"open 5 in app", "snapshot 1 +tunnel 7 +port 5 with fd (1 fds)"}));
}

TEST_F(Apply, ARestartedAgentLeavesLiveDevicesAlone) {
  apply();
  log_.take();
  start_agent();
  EXPECT_EQ(apply(), (InForce{1, {}}));
  EXPECT_EQ(log_.take(),
            (Events{"configure 5", "snapshot 1 +tunnel 7 +port 5 (0 fds)", "want 1 tunnels"}));
}

TEST_F(Apply, ARestartedAgentRemovesDevicesOfPortsThatWentMeanwhile) {
  apply();
  log_.take();
  target_.generation = 2;
  target_.ports.clear();
  start_agent();
  apply();
  EXPECT_EQ(log_.take(),
            (Events{"snapshot 2 +tunnel 7 (0 fds)", "want 1 tunnels", "remove 5 from app"}));
}

TEST_F(Apply, ADeviceThatDiedIsOpenedAgain) {
  apply();
  log_.take();
  dataplane_->lose(5);
  ASSERT_TRUE(tables_->refresh_live_ports(now_));
  step_after(milliseconds(1));
  EXPECT_EQ(log_.take(), (Events{"open 5 in app", "increment 1 +port 5 with fd (1 fds)"}));
}

TEST_F(Apply, ARefusedBatchIsNamedAndSaidAnewAsASnapshot) {
  apply();
  log_.take();
  dataplane_->refuse_next("Route 10.0.0.0/8 names tunnel 9");
  target_.generation = 2;
  const InForce refused = apply();
  EXPECT_EQ(refused.generation, 2u) << "it was tried: a next generation may mend it";
  ASSERT_EQ(refused.failures.size(), 1u);
  EXPECT_EQ(refused.failures[0].item, "dataplane");
  EXPECT_EQ(refused.failures[0].reason, "refused: Route 10.0.0.0/8 names tunnel 9");
  EXPECT_EQ(log_.take(), (Events{"increment 2 (0 fds) refused", "want 1 tunnels"}));
  EXPECT_EQ(step_after(milliseconds(200)), (InForce{2, {}}));
  EXPECT_EQ(log_.take(), (Events{"snapshot 2 +tunnel 7 +port 5 (0 fds)"}));
}

TEST_F(Apply, APortThatMovesLeavesItsOldNamespaceFirst) {
  apply();
  log_.take();
  target_.generation = 2;
  target_.ports[PortId(5)] = port_in("other");
  EXPECT_EQ(apply(), (InForce{2, {}}));
  EXPECT_EQ(log_.take(), (Events{"remove 5 from app", "open 5 in other",
                                 "increment 2 +port 5 with fd (1 fds)", "want 1 tunnels"}));
}

TEST_F(Apply, ANamespaceMadeAnewUnderItsNameGetsADeviceOfItsOwn) {
  apply();
  log_.take();
  devices_.namespaces_made = 2;
  step_after(milliseconds(1));
  EXPECT_EQ(log_.take(), (Events{"open 5 in app", "increment 1 +port 5 with fd (1 fds)"}));
  start_agent();
  apply();
  EXPECT_EQ(log_.take()[0], "configure 5") << "which namespace it was is in the journal";
}

TEST_F(Apply, ADeviceHandedOnToAnotherInstanceIsNotRemoved) {
  apply();
  log_.take();
  target_.generation = 2;
  target_.ports.clear();
  target_.ports[PortId(6)] = port_in("app");
  apply();
  EXPECT_EQ(log_.take(), (Events{"open 6 in app", "increment 2 -port 5 +port 6 with fd (1 fds)",
                                 "want 1 tunnels"}));
}

TEST_F(Apply, AChangedAddressIsSetWithoutReopening) {
  apply();
  log_.take();
  target_.generation = 2;
  target_.ports[PortId(5)].address = net::Address::v4(0x0a000001);
  apply();
  EXPECT_EQ(log_.take(), (Events{"configure 5", "increment 2 +port 5 (0 fds)", "want 1 tunnels"}));
}

TEST_F(Apply, MoreDescriptorsThanOneMessageCarriesFollowInFurtherBatches) {
  target_.ports.clear();
  for (uint32_t id = 1; id <= 70; ++id)
    target_.ports[PortId(id)] = port_in("app" + std::to_string(id));
  EXPECT_EQ(apply(), (InForce{1, {}}));
  const Events events = log_.take();
  ASSERT_EQ(events.size(), 73u);
  EXPECT_EQ(events[70], "snapshot 1 +tunnel 7 +ports 70 (64 fds)");
  EXPECT_EQ(events[71], "increment 1 +ports 6 (6 fds)");
}

TEST_F(Apply, TablesThatAreNotThereDelayNoTunnel) {
  dataplane_.reset();
  const InForce in_force = apply();
  ASSERT_EQ(in_force.failures.size(), 1u);
  EXPECT_EQ(in_force.failures[0].item, "dataplane");
  EXPECT_EQ(log_.take(), (Events{"want 1 tunnels"}));
}

TEST_F(Apply, ACharonThatHangsIsNamed) {
  tunnels_->is_hanging = true;
  EXPECT_EQ(apply(), (InForce{1, {}}));
  const InForce later = step_after(milliseconds(3000));
  ASSERT_EQ(later.failures.size(), 1u);
  EXPECT_EQ(later.failures[0].item, "charon");
}

}  // namespace
}  // namespace farspan::agent
