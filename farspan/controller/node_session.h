// SPDX-License-Identifier: Apache-2.0
// NodeSession: one connected node: its state goes down, its reports come up, until either side ends
// it.
//
//   1. the certificate names the node         4. publications → NodeFeed →
//   2. Hello: what the node has                  at most one delta under way
//   3. snapshot, unless it has the newest     5. deleted or revoked: an empty state, then the end
//
// A machine whose node is no longer declared, or whose certificate was revoked, is not just
// refused: it would go on forwarding, and keep its keys on its disk. It is told to be empty first;
// what it says is not believed meanwhile. One whose certificate the store never knew is refused and
// left as it is: the store was restored from a copy that is older than the certificate.
//
// Threads: gRPC's, and wake() by whoever publishes. One recursive lock, because gRPC may run a
// reaction on the thread that starts an operation. The registry shares ownership until OnDone.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "farspan/controller/node_feed.h"
#include "farspan/controller/node_server.h"
#include "farspan/v1/node_session.grpc.pb.h"

namespace farspan::controller {

class NodeSession;

/// Whom a certificate of the CA names.
struct Claimed {
  std::string node;      // CN
  std::string identity;  // SAN
};

/// The declared node that `claimed` is, or null: deleted, or its certificate was revoked.
const model::Node* node_of(const model::Model& model, const Claimed& claimed);

/// Every live session, so that a publication can wake them.
class SessionRegistry {
 public:
  void add(std::shared_ptr<NodeSession> session);
  void remove(NodeSession* session);
  /// Lets each session send what is published now. Holds no lock while it does.
  void wake_all();
  /// True once per identity: a machine that is refused asks again every few seconds.
  bool is_first_refusal(const std::string& identity);

 private:
  std::mutex mutex_;
  std::set<std::shared_ptr<NodeSession>> sessions_;
  std::set<std::string> refused_;  // identities that our CA certified, so they are few
};

class NodeSession : public grpc::ServerBidiReactor<v1::NodeMessage, v1::ControllerMessage> {
 public:
  NodeSession(Claimed claimed, const NodeServices& services, SessionRegistry& registry);

  /// Begins to read; called once, after the registry owns the session.
  void begin();
  void wake();

  void OnReadDone(bool is_read) override;
  void OnWriteDone(bool is_written) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  void take(const v1::NodeMessage& message);
  void take_hello(const v1::Hello& hello);
  void take_in_force(const v1::InForce& in_force, SteadyTime now);
  bool has_another_state_of_that_number();
  void send_next();
  std::shared_ptr<const nodestate::NodeState> wanted();
  void refuse_an_unknown();
  void end_of_a_stranger();
  void end(const grpc::Status& status);

  const Claimed claimed_;
  const std::string& node_ = claimed_.node;
  const NodeServices services_;
  SessionRegistry& registry_;

  std::recursive_mutex mutex_;
  std::optional<NodeFeed> feed_;           // since Hello
  NodeReports::SessionNumber number_ = 0;  // 0: nothing it says is kept
  struct {
    uint64_t generation = 0;
    std::string digest;
  } held_;                                             // what its Hello said
  std::shared_ptr<const nodestate::NodeState> empty_;  // since it is no declared node any more
  v1::NodeMessage incoming_;
  v1::ControllerMessage outgoing_;
  bool is_writing_ = false;
  bool is_ended_ = false;
};

}  // namespace farspan::controller
