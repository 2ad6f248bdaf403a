// SPDX-License-Identifier: Apache-2.0
// NodeReports: the last report of every node that connected since the controller started.
//
// Not kept on disk: after a restart nothing is known to be in force until the nodes say so, seconds
// later.
//
// Two sessions of one node that both go on speaking are two machines with one certificate: a node
// ends its session before it begins another, and what was under way then arrives soon.
//
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "farspan/controller/node_report.h"

namespace farspan::controller {

class NodeReports {
 public:
  /// One per connection: a node that reconnects before its old session is seen to be dead has two,
  /// and what the older one says or its end must not overwrite the newer one's.
  using SessionNumber = uint64_t;

  /// @param from  the machine's address
  SessionNumber connected(const std::string& node, const std::string& version,
                          const std::string& from, SteadyTime now);
  void disconnected(const std::string& node, SessionNumber session);
  void in_force(const std::string& node, SessionNumber session, uint64_t generation,
                std::vector<ItemFailure> failures, SteadyTime now);
  void status(const std::string& node, SessionNumber session, NodeStatus status, SteadyTime now);
  /// A message of the node was not believed: malformed, or more than its state can have.
  void refused(const std::string& node, SessionNumber session);
  /// The node was deleted and is empty: nothing more is to be said of it, unless it was declared
  /// again and has connected since.
  void forget(const std::string& node, SessionNumber session);

  /// Never null; a node that never connected has an empty report.
  std::shared_ptr<const NodeReport> of(const std::string& node) const;

 private:
  struct Entry {
    SessionNumber session = 0;  // the newest
    SteadyTime since;
    std::map<SessionNumber, std::string> machines;  // of its sessions, by address
    std::shared_ptr<const NodeReport> report;
  };
  void note_two_machines(const std::string& node, Entry& entry, SessionNumber older,
                         SteadyTime now);
  template <class Change>
  void change(const std::string& node, SessionNumber session, SteadyTime now, const Change& change);

  mutable std::mutex mutex_;
  SessionNumber last_session_ = 0;
  std::map<std::string, Entry> nodes_;
};

}  // namespace farspan::controller
