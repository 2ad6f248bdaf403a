// SPDX-License-Identifier: Apache-2.0
// ControllerSession: the node's one conversation with the controller: deltas in, what is in force
// and how it goes out.
//
//   Hello(generation, digest on disk) ──▶    ┐ one bidirectional stream over mutual TLS;
//   ◀── Delta, Delta, …                      │ when it ends, for whatever reason, a new one
//   InForce, NodeStatus every second ──▶     ┘ after 0.2 s, doubling up to 5 s
//
// With a third of the certificate's life left the conversation also asks for a new one, for a key
// that was just made, and begins anew with it.
//
// The node does not need the controller: everything here may fail for days and only deltas stop
// coming. Outgoing messages are the newest of their kind, not a queue: what was true a second ago
// interests nobody.
//
// Not here: applying a delta (agent.h), the certificate (identity.h, enrolment.h).
// Threads: two of its own, a reader that also connects, and a writer while connected. All public
// calls from any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "farspan/agent/apply.h"
#include "farspan/agent/identity.h"
#include "farspan/nodestate/delta.h"

namespace farspan::v1 {
class NodeStatus;
}

namespace farspan::agent {

struct SessionSettings {
  std::string node;
  std::string controller;       // host:port
  std::string state_directory;  // the identity's
  std::string bundle_path;      // empty: enrolled already
};

/// Which state the node has: its number, and its rows' digest, since a controller whose store was
/// restored from a backup may use a number a second time.
struct HeldState {
  uint64_t generation = 0;  // 0: none
  std::string digest;

  static HeldState of(const nodestate::NodeState& state);
};

class ControllerSession {
 public:
  struct Received {
    uint64_t session =
        0;  // counts connections; a delta of an earlier one must not be applied after restart()
    nodestate::Delta delta;
  };

  /// Starts at once, saying Hello with `held`. @param has_news  called when take() or
  /// take_identity() has something new; on the session's threads
  ControllerSession(SessionSettings settings, HeldState held, std::function<void()> has_news);
  ~ControllerSession();
  ControllerSession(const ControllerSession&) = delete;
  ControllerSession& operator=(const ControllerSession&) = delete;

  /// The oldest delta not taken yet.
  std::optional<Received> take();
  /// The identity, once after it became known.
  std::optional<Identity> take_identity();

  /// What the next Hello says: the state that was kept on disk.
  void set_held(HeldState held);
  /// Ends this conversation and begins one with generation 0, which is answered with a snapshot.
  void restart_from_nothing(uint64_t session);

  void report(const InForce& in_force);
  void report(const v1::NodeStatus& status);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace farspan::agent
