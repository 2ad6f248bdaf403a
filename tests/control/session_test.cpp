// SPDX-License-Identifier: Apache-2.0
// One session with the real code at both ends, over real TLS, through a relay that can fall silent.
#include "farspan/agent/session.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "farspan/agent/identity.h"
#include "farspan/agent/state_file.h"
#include "farspan/controller/node_server.h"
#include "farspan/controller/test_network.h"
#include "farspan/v1/node_session.pb.h"
#include "tests/control/relay.h"

namespace farspan::control {
namespace {

using Clock = std::chrono::steady_clock;
using controller::CertificateAuthority;
using controller::Enrolments;
using controller::Mode;
using std::chrono::seconds;

constexpr const char* kNode = "us-east-node";

template <class Condition>
bool becomes_true(seconds patience, const Condition& condition) {
  const auto end = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

class SessionTest : public testing::Test {
 protected:
  SessionTest() {
    EXPECT_TRUE(controller_->apply(controller::kUsEast, Mode::kCommit).ok());
    start_server("127.0.0.1:0");
    relay_ = std::make_unique<Relay>(server_->port());
  }

  void start_server(const std::string& address) {
    const auto identity = authority_->make_server_identity({}, std::chrono::system_clock::now());
    auto server = controller::NodeServer::start(address, *identity,
                                                {*controller_, reports_, *authority_, enrolments_});
    EXPECT_TRUE(server.ok()) << server.error().text();
    server_ = std::move(server).value();
  }
  /// Stops the controller, lets `work` do something to its store, and starts it again.
  template <class Work>
  void restart_controller(const Work& work) {
    const std::string address = "127.0.0.1:" + std::to_string(server_->port());
    server_.reset();
    controller_.reset();
    work(directory_.path() + "/store.db");
    controller_ = controller::open_controller(directory_);
    start_server(address);
  }
  const model::Node& node() const {
    return *controller_->published()->model.find<model::Node>(kNode);
  }
  /// The node does what the agent does with deltas, until it has what the controller wants.
  bool converges(nodestate::NodeState& state) {
    return becomes_true(seconds(15), [&] {
      while (const auto received = agent_->take()) {
        auto next = nodestate::apply(state, received->delta);
        EXPECT_TRUE(next.ok()) << next.error().text();
        EXPECT_TRUE(next->generation != state.generation || *next == state)
            << "an agent takes a number it has for a state it has";
        state = *std::move(next);
        agent_->set_held(agent::HeldState::of(state));
        agent_->report(agent::InForce{state.generation, {}});
      }
      return state == *controller_->published()->states.at(kNode) && is_connected() &&
             reports_.of(kNode)->generation_in_force == state.generation;
    });
  }

  std::string bundle() {
    const auto token = enrolments_.issue(node().identity(), std::chrono::system_clock::now());
    const std::string path = node_.path() + "/bundle.json";
    const nlohmann::json text = {{"node", kNode},
                                 {"controller", "unused"},
                                 {"token", *token},
                                 {"ca_certificate", authority_->certificate_pem()}};
    EXPECT_TRUE(agent::write_file(path, text.dump()).ok());
    return path;
  }
  void start_agent(const std::string& bundle_path, agent::HeldState held = {}) {
    agent_ = std::make_unique<agent::ControllerSession>(
        agent::SessionSettings{kNode, "127.0.0.1:" + std::to_string(relay_->port()), node_.path(),
                               bundle_path},
        std::move(held), [] {});
  }
  // The node was enrolled so long ago.
  void enrolled(std::chrono::days ago) {
    const auto key = agent::make_key();
    const auto request = agent::certificate_request(*key, kNode);
    const auto certificate =
        authority_->sign_node(*request, node(), std::chrono::system_clock::now() - ago);
    const auto kept =
        agent::keep_identity(node_.path(), kNode, *key, *certificate, authority_->certificate_der(),
                             authority_->certificate_pem());
    EXPECT_TRUE(kept.ok()) << kept.error().text();
  }
  agent::Identity identity() const { return agent::load_identity(node_.path(), kNode).value(); }
  bool is_connected() const { return reports_.of(kNode)->is_connected; }

  controller::StateDirectory directory_, node_;
  std::unique_ptr<controller::Controller> controller_ = controller::open_controller(directory_);
  std::unique_ptr<CertificateAuthority> authority_ =
      CertificateAuthority::open(directory_.path()).value();
  Enrolments enrolments_ = Enrolments::open(directory_.path()).value();
  controller::NodeReports reports_;
  std::unique_ptr<controller::NodeServer> server_;
  std::unique_ptr<Relay> relay_;
  std::unique_ptr<agent::ControllerSession> agent_;
};

TEST_F(SessionTest, BothEndsNoticeThatThePathBetweenThemDied) {
  start_agent(bundle());
  std::optional<agent::ControllerSession::Received> received;
  ASSERT_TRUE(becomes_true(seconds(10), [&] { return (received = agent_->take()).has_value(); }));
  EXPECT_TRUE(received->delta.is_snapshot);
  EXPECT_TRUE(is_connected());

  const int before = relay_->accepted();
  relay_->fall_silent();
  EXPECT_TRUE(becomes_true(seconds(20), [&] { return !is_connected(); }))
      << "the controller believes in a node that is gone";
  relay_->serve_new();
  EXPECT_TRUE(becomes_true(seconds(15), [&] { return relay_->accepted() > before; }))
      << "the agent waits for a controller that is gone";
  EXPECT_TRUE(becomes_true(seconds(10), [&] { return is_connected(); }));
}

TEST_F(SessionTest, ACertificateIsRenewedWithAThirdOfItsLifeLeft) {
  enrolled(std::chrono::days(200));
  const agent::Identity before = identity();
  start_agent("");
  ASSERT_TRUE(becomes_true(seconds(10), [&] { return is_connected(); }));
  EXPECT_EQ(identity(), before) << "there is time";

  agent_.reset();
  ASSERT_TRUE(becomes_true(seconds(10), [&] { return !is_connected(); }));
  enrolled(std::chrono::days(300));
  const agent::Identity old = identity();
  EXPECT_LT(agent::validity_of(old).renew_at, std::chrono::system_clock::now());
  start_agent("");
  // The agent may be writing its files: they are read when it has told of what they hold.
  std::optional<agent::Identity> told;
  ASSERT_TRUE(becomes_true(seconds(10), [&] {
    if (auto newest = agent_->take_identity()) told = std::move(newest);
    return told && told->certificate != old.certificate;
  })) << "charon gets it too";
  ASSERT_TRUE(becomes_true(seconds(10), [&] { return is_connected(); }));
  EXPECT_EQ(*told, identity());
  EXPECT_NE(identity().key, old.key) << "somebody may have copied it";
  EXPECT_GT(agent::validity_of(identity()).renew_at,
            std::chrono::system_clock::now() + std::chrono::days(200));
}

TEST_F(SessionTest, ANewBundleReplacesACertificateThatEnded) {
  enrolled(std::chrono::days(400));
  const agent::Identity old = identity();
  start_agent(bundle());
  ASSERT_TRUE(becomes_true(seconds(10), [&] { return is_connected(); }));
  EXPECT_GT(agent::validity_of(identity()).ends_at, std::chrono::system_clock::now());
  EXPECT_FALSE(std::filesystem::exists(node_.path() + "/bundle.json"));
  EXPECT_NE(identity().key, old.key) << "somebody else may have it";
}

TEST_F(SessionTest, ABundleThatCannotBeReadDoesNotTakeTheIdentityAway) {
  enrolled(std::chrono::days(1));
  const agent::Identity old = identity();
  const std::string path = bundle();
  EXPECT_TRUE(agent::write_file(path, "{\"node\": ").ok());
  start_agent(path);
  EXPECT_TRUE(becomes_true(seconds(10), [&] { return is_connected(); }));
  EXPECT_EQ(identity(), old);
}

TEST_F(SessionTest, ABundleOutlivesAPassingFailureOfTheController) {
  enrolled(std::chrono::days(1));
  const agent::Identity old = identity();
  const std::string path = bundle();
  const std::filesystem::path tickets = directory_.path() + "/enrolments";
  const std::filesystem::path ticket = std::filesystem::directory_iterator(tickets)->path();
  const std::filesystem::path aside = directory_.path() + "/ticket";
  std::filesystem::rename(ticket, aside);
  std::filesystem::create_directory(ticket);  // it is there, and cannot be read
  start_agent(path);
  ASSERT_TRUE(becomes_true(seconds(10), [&] { return is_connected(); }));
  EXPECT_TRUE(std::filesystem::exists(path)) << "it is still to be used";
  EXPECT_EQ(identity(), old);

  agent_.reset();
  std::filesystem::remove(ticket);
  std::filesystem::rename(aside, ticket);
  start_agent(path);
  EXPECT_TRUE(becomes_true(seconds(10), [&] { return !std::filesystem::exists(path); }));
  EXPECT_NE(identity().key, old.key);
}

TEST_F(SessionTest, ABundleThatIsRefusedDoesNotTakeTheIdentityAway) {
  enrolled(std::chrono::days(1));
  const std::string path = bundle();
  EXPECT_TRUE(
      enrolments_.issue(node().identity(), std::chrono::system_clock::now()).ok());  // voids it
  start_agent(path);
  EXPECT_TRUE(becomes_true(seconds(10), [&] { return is_connected(); }));
}

TEST_F(SessionTest, AStoreRestoredFromABackupTakesItsNodesBack) {
  const std::string backup = directory_.path() + "/backup.db";
  restart_controller([&](const std::string& store) { std::filesystem::copy(store, backup); });
  start_agent(bundle());
  nodestate::NodeState state;
  ASSERT_TRUE(converges(state));
  ASSERT_TRUE(controller_->apply(controller::kOffice2, Mode::kCommit).ok());
  ASSERT_TRUE(converges(state));
  const auto lost = state;

  const auto restore = [&](const std::string& store) {
    std::filesystem::copy_file(backup, store, std::filesystem::copy_options::overwrite_existing);
  };
  restart_controller(restore);
  EXPECT_LT(controller_->published()->states.at(kNode)->generation, lost.generation);
  EXPECT_TRUE(converges(state)) << "the node is ahead";
  EXPECT_NE(state.tunnels.size(), lost.tunnels.size());

  // The same, and the restored controller comes to the same number by another way before the node
  // hears of it.
  agent_.reset();
  restart_controller(restore);
  std::string other = controller::kOffice2;
  for (size_t at = other.find("10.10.20."); at != std::string::npos; at = other.find("10.10.20."))
    other.replace(at, 9, "10.10.30.");
  ASSERT_TRUE(controller_->apply(other, Mode::kCommit).ok());
  ASSERT_EQ(controller_->published()->states.at(kNode)->generation, lost.generation);
  state = lost;
  start_agent("", agent::HeldState::of(lost));
  EXPECT_TRUE(converges(state)) << "the node has the number and another state";
  EXPECT_EQ(state.tunnels.size(), lost.tunnels.size());

  const uint64_t settled = state.generation;
  restart_controller([](const std::string&) {});
  EXPECT_TRUE(converges(state));
  EXPECT_EQ(state.generation, settled) << "what was settled is settled";
}

}  // namespace
}  // namespace farspan::control
