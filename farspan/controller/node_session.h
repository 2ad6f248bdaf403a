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
// What a node says is bounded by what its state can have, before it is parsed: a machine with a
// node's certificate may be anybody's by now. Messages are read no faster than they may come; the
// node's own flow control makes it wait, and it says only what is newest.
//
// Threads: gRPC's, and the registry's callers. One recursive lock, because gRPC may run a reaction
// on the thread that starts an operation. The registry shares ownership until OnDone.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "farspan/controller/node_feed.h"
#include "farspan/controller/node_server.h"
#include "farspan/controller/pace.h"
#include "farspan/controller/session_registry.h"
#include "farspan/v1/node_session.grpc.pb.h"

namespace farspan::controller {

/// Whom a certificate of the CA names.
struct Claimed {
  std::string node;        // CN; empty: nobody
  std::string identity;    // SAN
  std::string public_key;  // of the certificate (certificate.h: public_key_of)
  std::chrono::system_clock::time_point ends_at;
  std::string from;  // the machine's address
};

/// The declared node that `claimed` is, or null: deleted, or its certificate was revoked.
const model::Node* node_of(const model::Model& model, const Claimed& claimed);

class NodeSession : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                    public std::enable_shared_from_this<NodeSession> {
 public:
  /// @param over  called once, when nothing of the session is left
  NodeSession(Claimed claimed, const NodeServices& services, SessionRegistry& registry,
              std::function<void()> over);

  /// Begins to read; called once, after the registry owns the session.
  void begin();
  void wake();
  /// Another session of this identity takes its place.
  void give_way();
  bool has_given_way() const { return has_given_way_; }
  /// Its certificate has ended.
  void expire();
  const Claimed& claimed() const { return claimed_; }

  void OnReadDone(bool is_read) override;
  void OnWriteDone(bool is_written) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  void read_next(size_t weight);
  std::optional<v1::NodeMessage> parse_incoming(size_t& weight);
  size_t allowed_weight();
  void take(const v1::NodeMessage& message);
  void take_hello(const v1::Hello& hello);
  void take_in_force(const v1::InForce& in_force, SteadyTime now);
  void take_renewal(const v1::Renewal& renewal);
  bool has_another_state_of_that_number();
  void send_next();
  void write(const v1::ControllerMessage& message);
  std::shared_ptr<const nodestate::NodeState> wanted();
  void refuse_an_unknown();
  void end_of_a_stranger();
  void end(const grpc::Status& status);

  const Claimed claimed_;
  const std::string& node_ = claimed_.node;
  const NodeServices services_;
  SessionRegistry& registry_;
  const std::function<void()> over_;
  std::atomic<bool> has_given_way_{false};

  std::recursive_mutex mutex_;
  std::optional<NodeFeed> feed_;           // since Hello
  NodeReports::SessionNumber number_ = 0;  // 0: nothing it says is kept
  struct {
    uint64_t generation = 0;
    std::string digest;
  } held_;                                             // what its Hello said
  std::shared_ptr<const nodestate::NodeState> empty_;  // since it is no declared node any more
  size_t allowed_weight_ = 0;                          // the most that a state of it allowed so far
  bool has_refused_ = false;                           // a message, and said so
  std::optional<v1::EnrolReply> certified_;            // to be sent
  bool has_renewed_ = false;
  Pace pace_;
  std::unique_ptr<grpc::Alarm> pause_;
  grpc::ByteBuffer incoming_, outgoing_;
  bool is_writing_ = false;
  bool is_ended_ = false;
};

}  // namespace farspan::controller
