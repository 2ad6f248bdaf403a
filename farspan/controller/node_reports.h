// SPDX-License-Identifier: Apache-2.0
// NodeReports: the last report of every node that connected since the controller started.
//
// Not kept on disk: after a restart nothing is known to be in force until the nodes say so, seconds
// later.
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

  SessionNumber connected(const std::string& node, const std::string& version, SteadyTime now);
  void disconnected(const std::string& node, SessionNumber session);
  void in_force(const std::string& node, SessionNumber session, uint64_t generation,
                std::vector<ItemFailure> failures, SteadyTime now);
  void status(const std::string& node, SessionNumber session, NodeStatus status, SteadyTime now);
  /// The node was deleted and is empty: nothing more is to be said of it, unless it was declared
  /// again and has connected since.
  void forget(const std::string& node, SessionNumber session);

  /// Never null; a node that never connected has an empty report.
  std::shared_ptr<const NodeReport> of(const std::string& node) const;

 private:
  struct Entry {
    SessionNumber session = 0;
    std::shared_ptr<const NodeReport> report;
  };
  template <class Change>
  void change(const std::string& node, SessionNumber session, const Change& change);

  mutable std::mutex mutex_;
  SessionNumber last_session_ = 0;
  std::map<std::string, Entry> nodes_;
};

}  // namespace farspan::controller
