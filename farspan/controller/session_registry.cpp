// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/session_registry.h"

#include <algorithm>

#include "farspan/controller/node_session.h"

namespace farspan::controller {

bool SessionRegistry::may_begin(const std::string& identity,
                                std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock(mutex_);
  auto& next = next_begin_[identity];  // each session moves it on, and it may be so far ahead
  if (next - now > kBetweenSessions * kSessionsInARow) return false;
  next = std::max(next, now) + kBetweenSessions;
  return true;
}

void SessionRegistry::add(std::shared_ptr<NodeSession> session) {
  std::shared_ptr<NodeSession> oldest;  // ended without the lock
  {
    const std::lock_guard lock(mutex_);
    const auto is_of_same = [&](const auto& other) {
      return other->claimed().identity == session->claimed().identity && !other->has_given_way();
    };
    if (static_cast<size_t>(std::count_if(sessions_.begin(), sessions_.end(), is_of_same)) >=
        kSessionsOfANode)
      oldest = *std::find_if(sessions_.begin(), sessions_.end(), is_of_same);
    sessions_.push_back(std::move(session));
  }
  if (oldest) oldest->give_way();
}

bool SessionRegistry::is_first_refusal(const std::string& identity) {
  const std::lock_guard lock(mutex_);
  return refused_.insert(identity).second;
}

void SessionRegistry::remove(NodeSession* session) {
  std::shared_ptr<NodeSession> last;  // destroyed after the lock
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                  [&](const auto& one) { return one.get() == session; });
  if (found == sessions_.end()) return;
  last = *found;
  sessions_.erase(found);
}

std::vector<std::shared_ptr<NodeSession>> SessionRegistry::all() const {
  const std::lock_guard lock(mutex_);
  return sessions_;
}

void SessionRegistry::wake_all() {
  for (const auto& session : all()) session->wake();
}

void SessionRegistry::end_expired(std::chrono::system_clock::time_point now) {
  for (const auto& session : all())
    if (session->claimed().ends_at <= now) session->expire();
}

}  // namespace farspan::controller
