// SPDX-License-Identifier: Apache-2.0
// SessionRegistry: every live session, and how many a node may have.
//
// Whoever has a node's certificate may be anybody by now, so sessions of one identity are counted:
// the oldest gives way to a new one (an honest node that comes back gets in whatever an old
// connection of it does), and they begin no faster than a node that restarts all the time.
//
// Threads: any.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace farspan::controller {

class NodeSession;

class SessionRegistry {
 public:
  static constexpr size_t kSessionsOfANode = 4;
  static constexpr std::chrono::milliseconds kBetweenSessions{500};  // on average
  static constexpr int kSessionsInARow = 20;

  /// False when sessions of `identity` begin too fast: this one must not.
  bool may_begin(const std::string& identity, std::chrono::steady_clock::time_point now);
  /// Ends the oldest session of the same identity when it has as many as it may.
  void add(std::shared_ptr<NodeSession> session);
  void remove(NodeSession* session);
  /// Lets each session send what is published now. Holds no lock while it does.
  void wake_all();
  /// Ends the sessions whose certificate has ended.
  void end_expired(std::chrono::system_clock::time_point now);
  /// True once per identity: a machine that is refused asks again every few seconds.
  bool is_first_refusal(const std::string& identity);

 private:
  std::vector<std::shared_ptr<NodeSession>> all() const;

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<NodeSession>> sessions_;  // the oldest first
  // by identities that our CA certified, so they are few
  std::set<std::string> refused_;
  std::map<std::string, std::chrono::steady_clock::time_point> next_begin_;
};

}  // namespace farspan::controller
