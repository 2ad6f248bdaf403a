// SPDX-License-Identifier: Apache-2.0
// NodeSession: one connected node: its state goes down, its reports come up, until either side ends
// it.
//
//   1. the certificate's CN is the node       4. publications → NodeFeed →
//   2. Hello: what the node has                  at most one delta under way
//   3. snapshot, unless it has the newest     5. deleted node: an empty state, then the end
//
//
// A node that is no longer declared is not just refused: it would go on forwarding. It is told to
// be empty first.
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

/// Every live session, so that a publication can wake them.
class SessionRegistry {
 public:
  void add(std::shared_ptr<NodeSession> session);
  void remove(NodeSession* session);
  /// Lets each session send what is published now. Holds no lock while it does.
  void wake_all();

 private:
  std::mutex mutex_;
  std::set<std::shared_ptr<NodeSession>> sessions_;
};

class NodeSession : public grpc::ServerBidiReactor<v1::NodeMessage, v1::ControllerMessage> {
 public:
  NodeSession(std::string node, const NodeServices& services, SessionRegistry& registry);

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
  void send_next();
  std::shared_ptr<const nodestate::NodeState> wanted();
  void end(const grpc::Status& status);

  const std::string node_;
  const NodeServices services_;
  SessionRegistry& registry_;

  std::recursive_mutex mutex_;
  std::optional<NodeFeed> feed_;  // since Hello
  NodeReports::SessionNumber number_ = 0;
  struct {
    uint64_t generation = 0;
    std::string digest;
  } held_;  // what its Hello said
  std::shared_ptr<const nodestate::NodeState> empty_;  // since the node is not declared any more
  v1::NodeMessage incoming_;
  v1::ControllerMessage outgoing_;
  bool is_writing_ = false;
  bool is_ended_ = false;
};

}  // namespace farspan::controller
