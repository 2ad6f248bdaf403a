// SPDX-License-Identifier: Apache-2.0
// One session with the real code at both ends, over real TLS, through a relay that can fall silent.
#include "farspan/agent/session.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

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
    const auto identity = authority_->make_server_identity({}, std::chrono::system_clock::now());
    auto server = controller::NodeServer::start("127.0.0.1:0", *identity,
                                                {*controller_, reports_, *authority_, enrolments_});
    EXPECT_TRUE(server.ok()) << server.error().text();
    server_ = std::move(server).value();
    relay_ = std::make_unique<Relay>(server_->port());
  }

  std::string bundle() {
    const auto token = enrolments_.issue(kNode, std::chrono::system_clock::now());
    const std::string path = node_.path() + "/bundle.json";
    const nlohmann::json text = {{"node", kNode},
                                 {"controller", "unused"},
                                 {"token", *token},
                                 {"ca_certificate", authority_->certificate_pem()}};
    EXPECT_TRUE(agent::write_file(path, text.dump()).ok());
    return path;
  }
  void start_agent() {
    agent_ = std::make_unique<agent::ControllerSession>(
        agent::SessionSettings{kNode, "127.0.0.1:" + std::to_string(relay_->port()), node_.path(),
                               bundle()},
        0, [] {});
  }
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
  start_agent();
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

}  // namespace
}  // namespace farspan::control
