// SPDX-License-Identifier: Apache-2.0
// Enrolment and sessions over real TLS on loopback, against the real controller, store and
// compiler.
#include "farspan/controller/node_server.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include <thread>

#include "farspan/base/controller_names.h"
#include "farspan/controller/test_network.h"
#include "farspan/controller/test_request.h"
#include "farspan/nodestate/delta.h"
#include "farspan/nodestate/wire/wire.h"
#include "farspan/v1/node_session.grpc.pb.h"

namespace farspan::controller {
namespace {

using nodestate::NodeState;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

struct Identity {
  std::string key_pem, certificate_pem;
};

class NodeServerTest : public testing::Test {
 protected:
  NodeServerTest() {
    EXPECT_TRUE(controller_->apply(kUsEast, Mode::kCommit).ok());
    const auto identity = authority_->make_server_identity({}, std::chrono::system_clock::now());
    auto server = NodeServer::start("127.0.0.1:0", *identity,
                                    {*controller_, reports_, *authority_, enrolments_});
    EXPECT_TRUE(server.ok()) << server.error().text();
    server_ = std::move(server).value();
  }

  /// @param lookahead_bytes  what the server may write before the client reads
  std::shared_ptr<grpc::Channel> channel(const Identity& identity, std::string trusted = {},
                                         int lookahead_bytes = 65'536,
                                         const char* name = kSessionName) {
    if (trusted.empty()) trusted = authority_->certificate_pem();
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride(name);
    arguments.SetInt("grpc.use_local_subchannel_pool", 1);  // a connection for each
    arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, lookahead_bytes);
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // which would raise it
    return grpc::CreateCustomChannel(
        "127.0.0.1:" + std::to_string(server_->port()),
        grpc::SslCredentials({trusted, identity.key_pem, identity.certificate_pem}), arguments);
  }

  grpc::Status enrol(const std::string& node, const std::string& token, const std::string& request,
                     v1::EnrolReply& reply) {
    v1::EnrolRequest message;
    message.set_node(node);
    message.set_token(token);
    message.set_certificate_request(request);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + seconds(5));
    return v1::Enrolment::NewStub(channel({}, {}, 65'536, kEnrolmentName))
        ->Enrol(&context, message, &reply);
  }

  std::string token_for(const std::string& node) {
    const auto now = controller_->published();
    return enrolments_
        .issue(now->model.find<model::Node>(node)->identity(), std::chrono::system_clock::now())
        .value();
  }

  Identity enrolled(const std::string& node) {
    TestRequest request;
    v1::EnrolReply reply;
    const grpc::Status status = enrol(node, token_for(node), request.der, reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(reply.ca_certificate(), authority_->certificate_der());
    return {pem_of(request.key.get()), pem_of(certificate_from(reply.certificate()).get())};
  }

  StateDirectory directory_;
  std::unique_ptr<Controller> controller_ = open_controller(directory_);
  std::unique_ptr<CertificateAuthority> authority_ =
      CertificateAuthority::open(directory_.path()).value();
  Enrolments enrolments_ = Enrolments::open(directory_.path()).value();
  NodeReports reports_;
  std::unique_ptr<NodeServer> server_;
};

// The agent's side of one session.
class Session {
 public:
  explicit Session(std::shared_ptr<grpc::Channel> channel)
      : stub_(v1::NodeSession::NewStub(std::move(channel))) {
    context_.set_deadline(std::chrono::system_clock::now() + seconds(10));
    stream_ = stub_->Session(&context_);
  }
  void hello(uint64_t generation, const std::string& digest = {},
             const std::string& version = "test") {
    v1::NodeMessage message;
    message.mutable_hello()->set_version(version);
    message.mutable_hello()->set_digest(digest);
    message.mutable_hello()->set_generation(generation);
    stream_->Write(message);
  }
  void in_force(uint64_t generation, const std::string& failure = {}) {
    v1::NodeMessage message;
    message.mutable_in_force()->set_generation(generation);
    if (!failure.empty()) message.mutable_in_force()->add_failures()->set_reason(failure);
    stream_->Write(message);
  }
  void status(const v1::NodeStatus& status) {
    v1::NodeMessage message;
    *message.mutable_status() = status;
    stream_->Write(message);
  }
  std::optional<nodestate::Delta> read() {
    v1::ControllerMessage message;
    if (!stream_->Read(&message)) return std::nullopt;
    auto delta = nodestate::wire::from_proto(message.delta());
    EXPECT_TRUE(delta.ok()) << delta.error().text();
    return *std::move(delta);
  }
  /// @param der  a request for a certificate
  void renewal(const std::string& der) {
    v1::NodeMessage message;
    message.mutable_renewal()->set_certificate_request(der);
    stream_->Write(message);
  }
  void hang_up() { stream_->WritesDone(); }
  /// Waits for the server to end the session: half-closing first could overtake its reason.
  grpc::Status finish() {
    v1::ControllerMessage message;
    while (stream_->Read(&message)) {
    }
    return stream_->Finish();
  }

 private:
  std::unique_ptr<v1::NodeSession::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::NodeMessage, v1::ControllerMessage>> stream_;
};

TEST_F(NodeServerTest, AnEnrolledNodeGetsItsSnapshotAndThenDeltas) {
  Session session(channel(enrolled("us-east-node")));
  session.hello(0);
  auto delta = session.read();
  ASSERT_TRUE(delta);
  EXPECT_TRUE(delta->is_snapshot);
  NodeState state = nodestate::apply({}, *delta).value();
  EXPECT_EQ(state, *controller_->published()->states.at("us-east-node"));
  session.in_force(state.generation);

  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(controller_->apply(kOffice2, Mode::kCommit).ok());
  delta = session.read();
  EXPECT_LT(std::chrono::steady_clock::now() - before, milliseconds(500));
  ASSERT_TRUE(delta);
  EXPECT_FALSE(delta->is_snapshot);
  EXPECT_EQ(delta->tunnels.upserts.size(), 1u) << "office 1 is not touched";
  EXPECT_TRUE(delta->tunnels.removals.empty());
  state = nodestate::apply(state, *delta).value();
  EXPECT_EQ(state, *controller_->published()->states.at("us-east-node"));
}

TEST_F(NodeServerTest, ChangesDuringASlowDeltaComeAsOne) {
  Session session(channel(enrolled("us-east-node")));
  session.hello(0);
  NodeState state = nodestate::apply({}, *session.read()).value();
  ASSERT_TRUE(controller_->apply(kOffice2, Mode::kCommit).ok());
  ASSERT_TRUE(controller_->remove(kOffice2, Mode::kCommit).ok());
  ASSERT_TRUE(controller_->apply(kOffice2, Mode::kCommit).ok());
  session.in_force(state.generation);
  state = nodestate::apply(state, *session.read()).value();
  EXPECT_EQ(state, *controller_->published()->states.at("us-east-node"));
}

TEST_F(NodeServerTest, ANodeThatHasTheNewestGetsOnlyWhatChangesLater) {
  Session session(channel(enrolled("us-east-node")));
  session.hello(controller_->published()->states.at("us-east-node")->generation);
  session.in_force(1);
  ASSERT_TRUE(controller_->apply(kOffice2, Mode::kCommit).ok());
  const auto delta = session.read();
  ASSERT_TRUE(delta);
  // Hello may be read after the change was published; then the node is behind and gets all.
  EXPECT_EQ(delta->from_generation, delta->is_snapshot ? 0u : 1u);
  EXPECT_EQ(delta->to_generation, 2u);
}

TEST_F(NodeServerTest, ADeletedNodeIsEmptiedBeforeItIsRefused) {
  const Identity identity = enrolled("us-east-node");
  Session session(channel(identity));
  session.hello(0);
  NodeState state = nodestate::apply({}, *session.read()).value();
  session.in_force(state.generation);
  ASSERT_TRUE(controller_->remove(kUsEast, Mode::kCommit).ok());
  state = nodestate::apply(state, *session.read()).value();
  EXPECT_TRUE(state.vrfs.empty() && state.ports.empty() && state.security_groups.empty() &&
              state.tunnels.empty() && state.routes.empty());
  session.in_force(state.generation);
  EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::NOT_FOUND);

  Session again(channel(identity));  // it may have been away while it was deleted
  again.hello(1);
  const auto delta = again.read();
  ASSERT_TRUE(delta);
  EXPECT_TRUE(delta->is_snapshot);
  EXPECT_TRUE(nodestate::apply({}, *delta).value().ports.empty());
}

TEST_F(NodeServerTest, ARevokedMachineIsEmptiedAndNeverBelievedAgain) {
  const Identity lost = enrolled("us-east-node");
  const std::string unused_token = token_for("us-east-node");
  Session session(channel(lost));
  session.hello(0);
  NodeState state = nodestate::apply({}, *session.read()).value();
  session.in_force(state.generation);
  ASSERT_TRUE(controller_->revoke("us-east-node").ok());
  state = nodestate::apply(state, *session.read()).value();
  EXPECT_TRUE(state.ports.empty() && state.tunnels.empty() && state.routes.empty());
  session.in_force(state.generation);
  const grpc::Status end = session.finish();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(end.error_message(), HasSubstr("revoked"));
  EXPECT_FALSE(reports_.of("us-east-node")->is_connected);
  v1::EnrolReply reply;
  EXPECT_EQ(enrol("us-east-node", unused_token, TestRequest().der, reply).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);

  const Identity next = enrolled("us-east-node");
  Session successor(channel(next));
  successor.hello(0);
  EXPECT_EQ(nodestate::apply({}, *successor.read()).value(),
            *controller_->published()->states.at("us-east-node"));
  successor.in_force(1);
  while (reports_.of("us-east-node")->generation_in_force != 1) std::this_thread::yield();

  Session again(channel(lost));  // it was away, and is as it was
  again.hello(1);
  const auto delta = again.read();
  ASSERT_TRUE(delta);
  EXPECT_TRUE(delta->is_snapshot && delta->tunnels.upserts.empty());
  again.in_force(77);
  again.in_force(delta->to_generation);
  EXPECT_EQ(again.finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(reports_.of("us-east-node")->is_connected) << "the successor";
  EXPECT_EQ(reports_.of("us-east-node")->generation_in_force, 1u);
}

TEST_F(NodeServerTest, ARevokedMachineThatReadsNothingIsNotBelieved) {
  Session session(channel(enrolled("us-east-node"), {}, /*lookahead_bytes=*/16));
  session.hello(0);
  while (!reports_.of("us-east-node")->is_connected) std::this_thread::yield();
  ASSERT_TRUE(controller_->revoke("us-east-node").ok());
  for (uint64_t generation = 1000; reports_.of("us-east-node")->is_connected; ++generation) {
    session.in_force(generation);
    ASSERT_LT(generation, 100'000u);
  }
  EXPECT_EQ(reports_.of("us-east-node")->generation_in_force, 0u);
}

TEST_F(NodeServerTest, ACertificateDoesNotOutliveItsNode) {
  const Identity old = enrolled("us-east-node");
  ASSERT_TRUE(controller_->remove(kUsEast, Mode::kCommit).ok());
  ASSERT_TRUE(controller_->apply(kUsEast, Mode::kCommit).ok());
  Session session(channel(old));
  session.hello(1);
  session.renewal(TestRequest().der);
  const auto delta = session.read();
  ASSERT_TRUE(delta) << "and no certificate";
  EXPECT_TRUE(delta->is_snapshot && delta->ports.upserts.empty());
  session.in_force(delta->to_generation);
  EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(NodeServerTest, AMachineThatIsEmptyAlreadyIsToldSoAtOnce) {
  const Identity lost = enrolled("us-east-node");
  ASSERT_TRUE(controller_->revoke("us-east-node").ok());
  NodeState empty;
  empty.node = "us-east-node";
  Session session(channel(lost));
  session.hello(9, nodestate::wire::digest_of(empty));
  EXPECT_FALSE(session.read()) << "nothing is left to be taken away";
  EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

// The server on a store that was restored from a copy of before `us-east-node` was given what it
// holds.
TEST_F(NodeServerTest, AfterARestoreANodeOfAfterTheCopyKeepsItsStateAndIsRefused) {
  const TestRequest request;
  model::Node node = *controller_->published()->model.find<model::Node>("us-east-node");
  const auto identity_of = [&](const model::Node& who) {
    const auto der = authority_->sign_node(request.der, who, std::chrono::system_clock::now());
    return Identity{pem_of(request.key.get()), pem_of(certificate_from(*der).get())};
  };
  const auto expect_kept = [&](const model::Node& who) {
    SCOPED_TRACE(who.identity());
    Session session(channel(identity_of(who)));
    session.hello(9);
    EXPECT_FALSE(session.read());
    const grpc::Status end = session.finish();
    EXPECT_EQ(end.error_code(), grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_THAT(end.error_message(), HasSubstr("farspan enrol " + who.meta.name));
  };
  model::Node later = node;
  later.identity_revision = 40;  // revoked and enrolled again after the copy
  expect_kept(later);
  model::Node other = node;
  other.identity_random ^= 1;  // its revision was made a second time
  expect_kept(other);
  model::Node unknown = later;
  unknown.meta.name = "eu-node";  // declared after the copy
  expect_kept(unknown);

  model::Node earlier = node;  // of before the store noted what it replaces
  earlier.identity_revision = 0;
  Session session(channel(identity_of(earlier)));
  session.hello(9);
  const auto delta = session.read();
  ASSERT_TRUE(delta);
  EXPECT_TRUE(delta->is_snapshot && delta->ports.upserts.empty());
}

TEST_F(NodeServerTest, AMachineThatWasEmptiedGetsTheStateOfItsNodeWithASmallerNumber) {
  const Identity lost = enrolled("us-east-node");
  ASSERT_TRUE(controller_->revoke("us-east-node").ok());
  Session session(channel(lost));
  session.hello(1);
  const NodeState empty = nodestate::apply({}, *session.read()).value();
  EXPECT_GE(empty.generation, 1ull << 63) << "a number that no store makes";
  session.in_force(empty.generation);
  EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);

  Session again(channel(enrolled("us-east-node")));
  again.hello(empty.generation, nodestate::wire::digest_of(empty));
  const auto delta = again.read();
  ASSERT_TRUE(delta);
  EXPECT_TRUE(delta->is_snapshot);
  EXPECT_EQ(nodestate::apply(empty, *delta).value(),
            *controller_->published()->states.at("us-east-node"));
}

TEST_F(NodeServerTest, AStateWithTheSameNumberFromAnotherHistoryIsReplaced) {
  const auto ours = controller_->published()->states.at("us-east-node");
  NodeState other = *ours;
  other.tunnels.clear();
  Session session(channel(enrolled("us-east-node")));
  session.hello(other.generation, nodestate::wire::digest_of(other));
  session.in_force(other.generation);  // of the other one
  const auto delta = session.read();
  ASSERT_TRUE(delta);
  EXPECT_TRUE(delta->is_snapshot);
  EXPECT_GT(delta->to_generation, other.generation) << "one number, one state";
  NodeState expected = *ours;
  expected.generation = delta->to_generation;
  EXPECT_EQ(nodestate::apply(other, *delta).value(), expected);
  EXPECT_EQ(*controller_->published()->states.at("us-east-node"), expected);
}

TEST_F(NodeServerTest, ANodeThatGoesOnNamingAnotherStateMovesTheRevisionOnce) {
  const Identity identity = enrolled("us-east-node");
  const uint64_t before = controller_->published()->revision;
  for (int i = 0; i < 3; ++i) {
    Session session(channel(identity));
    session.hello(controller_->published()->states.at("us-east-node")->generation,
                  std::string(64, 'a'));
    const auto delta = session.read();
    ASSERT_TRUE(delta);
    EXPECT_TRUE(delta->is_snapshot);
    EXPECT_EQ(nodestate::apply({}, *delta).value(),
              *controller_->published()->states.at("us-east-node"));
  }
  EXPECT_EQ(controller_->published()->revision, before + 1);
}

TEST_F(NodeServerTest, WhatANodeReportsIsKept) {
  Session session(channel(enrolled("us-east-node")));
  session.hello(0);
  ASSERT_TRUE(session.read());
  session.in_force(1);
  while (reports_.of("us-east-node")->generation_in_force != 1) std::this_thread::yield();
  EXPECT_TRUE(reports_.of("us-east-node")->is_connected);
  session.hang_up();
  EXPECT_TRUE(session.finish().ok());
  while (reports_.of("us-east-node")->is_connected) std::this_thread::yield();
  EXPECT_EQ(reports_.of("us-east-node")->generation_in_force, 1u);
}

TEST_F(NodeServerTest, TheWordsOfANodeForgeNoLine) {
  Session session(channel(enrolled("us-east-node")));
  session.hello(0);
  ASSERT_TRUE(session.read());
  session.in_force(1, "no room\n[info] all is well\033[2J" + std::string(100'000, 'x'));
  while (reports_.of("us-east-node")->failures.empty()) std::this_thread::yield();
  const std::string reason = reports_.of("us-east-node")->failures.front().reason;
  EXPECT_THAT(reason, testing::StartsWith("no room?[info] all is well?[2Jxxx"));
  EXPECT_EQ(reason.size(), 1024u);
}

TEST_F(NodeServerTest, NoWordOfANodeIsKeptAsItCame) {
  const std::string bad = "a\nb\033[2J\xc2\x9b" + std::string(2000, 'x') + "\xe2\x82\xac";
  Session session(channel(enrolled("us-east-node")));
  session.hello(0, "", bad);
  ASSERT_TRUE(session.read());
  v1::NodeStatus status;
  v1::TunnelStatus& tunnel = *status.add_tunnels();
  tunnel.set_ike_state(bad);
  tunnel.set_child_state(bad);
  tunnel.set_local(bad);
  tunnel.set_remote(bad);
  tunnel.set_ike_algorithms(bad);
  tunnel.set_esp_algorithms(bad);
  tunnel.set_ike_id(bad);
  v1::ChildSa& child = *tunnel.add_children();
  child.set_state(bad);
  child.set_unique_id(bad);
  child.add_local_subnets(bad);
  child.add_remote_subnets(bad);
  status.add_counters()->set_name(bad);
  session.status(status);
  while (reports_.of("us-east-node")->status->tunnels.empty()) std::this_thread::yield();
  const auto report = reports_.of("us-east-node");
  const TunnelReport& kept = report->status->tunnels.front();
  for (const std::string& words :
       {report->version, kept.ike_state, kept.child_state, kept.local, kept.remote,
        kept.ike_algorithms, kept.esp_algorithms, kept.ike_id, kept.children.at(0).state,
        kept.children.at(0).unique_id, kept.children.at(0).local_subnets.at(0),
        kept.children.at(0).remote_subnets.at(0), report->status->counters.at(0).name}) {
    EXPECT_THAT(words, testing::StartsWith("a?b?[2J?xxx"));
    EXPECT_EQ(words.size(), 1024u);
  }
}

TEST_F(NodeServerTest, ATokenIsRefusedTheSecondTimeAndForAnotherNode) {
  const TestRequest request;
  v1::EnrolReply reply;
  const std::string token = token_for("us-east-node");
  EXPECT_EQ(enrol("shanghai-node", token, request.der, reply).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(enrol("us-east-node", token, request.der, reply).ok());
  EXPECT_EQ(enrol("us-east-node", token, request.der, reply).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(enrol("us-east-node", "guess", request.der, reply).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(NodeServerTest, AMalformedRequestForACertificateIsRefused) {
  v1::EnrolReply reply;
  EXPECT_EQ(enrol("us-east-node", token_for("us-east-node"), "junk", reply).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(NodeServerTest, ASessionWithoutACertificateIsRefused) {
  Session session(channel({}));
  session.hello(0);
  EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::UNAVAILABLE) << "the handshake fails";
}

TEST_F(NodeServerTest, ACertificateOfAnotherCaIsRefused) {
  const StateDirectory elsewhere;
  const auto other = CertificateAuthority::open(elsewhere.path()).value();
  const TestRequest request;
  const auto now = controller_->published();
  const auto der = other->sign_node(request.der, *now->model.find<model::Node>("us-east-node"),
                                    std::chrono::system_clock::now());
  Session session(channel({pem_of(request.key.get()), pem_of(certificate_from(*der).get())}));
  session.hello(0);
  EXPECT_FALSE(session.read().has_value());
  EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::UNAVAILABLE) << "the handshake fails";
}

TEST_F(NodeServerTest, TheControllersOwnCertificateIsNoNodes) {
  const auto identity = authority_->make_server_identity({}, std::chrono::system_clock::now());
  Session session(channel({identity->key_pem, identity->certificate_pem}));
  session.hello(0);
  EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(NodeServerTest, AnAgentThatTrustsAnotherCaDoesNotTalkToUs) {
  const StateDirectory elsewhere;
  const auto other = CertificateAuthority::open(elsewhere.path());
  Session session(channel(enrolled("us-east-node"), (*other)->certificate_pem()));
  session.hello(0);
  EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(NodeServerTest, AMessageBeforeHelloEndsTheSession) {
  Session session(channel(enrolled("us-east-node")));
  session.in_force(1);
  EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

}  // namespace
}  // namespace farspan::controller
