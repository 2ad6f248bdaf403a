// SPDX-License-Identifier: Apache-2.0
// apply_tables: the data plane's tables, over its socket: a snapshot after every connect, then one
// batch per change.
//
// A batch is atomic over there, so the change from one generation to the next is never seen half
// done. The data plane may be restarted at any time: the socket closes, everything is unknown
// again, and after the next connect it gets a snapshot and new descriptors for the ports it does
// not hold. A data plane that outlived the agent keeps the descriptors it has (GetTables says
// which) and only compares the rest.
//
// Not here: the devices (apply_ports.h), SAs (charon hands them over), the answers' use (status.h).
// Threads: the node loop. A request waits for its answer, at most kPatience.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "farspan/agent/apply_ports.h"
#include "farspan/base/message_socket.h"
#include "farspan/nodestate/delta.h"

namespace farspan::v1 {
class TablesRequest;
class TablesReply;
class TablesBatch;
}  // namespace farspan::v1

namespace farspan::agent {

/// What the data plane must be told so that `delta` is in force there; port rows of `fds` say that
/// a descriptor comes.
v1::TablesBatch batch_of(const nodestate::Delta& delta, const PortFds& fds);

class TablesApplier {
 public:
  static constexpr std::chrono::seconds kPatience{5};

  /// @param path  tables.sock of the data plane
  explicit TablesApplier(std::string path) : path_(std::move(path)) {}

  /// Connects when that is due and asks what is there. Does nothing while connected.
  void connect(Clock::time_point now);
  bool is_connected() const { return socket_.has_value(); }
  /// To be polled: input outside of a request means that the data plane is gone. -1 while not
  /// connected.
  int fd() const { return socket_ ? socket_->fd() : -1; }
  void disconnect(Clock::time_point now);

  /// Ports whose descriptor the data plane holds, as far as known.
  const std::set<nodestate::PortId>& live_ports() const { return live_; }
  /// Asks for them again: a device may have died. False when the data plane is gone.
  bool refresh_live_ports(Clock::time_point now);

  /// Makes the tables equal to `target` and hands `fds` over; they are closed here whatever
  /// happens. Does nothing when that is in force already, not connected or not due.
  void program(const nodestate::NodeState& target, PortFds fds, Clock::time_point now);

  /// The generation in force; 0: unknown or none.
  uint64_t generation() const { return in_force_ ? in_force_->generation : 0; }
  std::vector<ItemFailure> failures() const;
  Clock::time_point next_attempt() const;

  /// Asks anything. kUnavailable when the data plane is gone, else its words as kInvalid.
  Result<v1::TablesReply> ask(const v1::TablesRequest& request, const std::vector<int>& fds,
                              Clock::time_point now);

 private:
  Status send(const nodestate::Delta& delta, const PortFds& fds, Clock::time_point now);
  void failed(const Error& error);

  std::string path_;
  std::optional<MessageSocket> socket_;
  std::optional<nodestate::NodeState> in_force_;  // nothing: a snapshot is needed
  std::set<nodestate::PortId> live_;
  std::optional<ItemFailure> failure_;
  Backoff connecting_{std::chrono::milliseconds(50), std::chrono::milliseconds(1000)};
  Backoff programming_{std::chrono::milliseconds(200), std::chrono::milliseconds(5000)};
};

}  // namespace farspan::agent
