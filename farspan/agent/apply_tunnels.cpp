// SPDX-License-Identifier: Apache-2.0
// Order inside one reconcile is the TunnelSet's: what is new is loaded and started, what changed is
// replaced make before break, what nobody wants is taken down.
#include "farspan/agent/apply_tunnels.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace farspan::agent {
namespace {

std::string item_of(nodestate::TunnelId id, const Tunnels& wanted) {
  const auto tunnel = wanted.find(id);
  if (tunnel == wanted.end()) return "Tunnel " + to_string(id);
  if (const auto* office = std::get_if<nodestate::OfficeTunnel>(&tunnel->second.use)) {
    return "IpsecConnection " + office->connection;
  }
  return "Link to Node " + std::get<nodestate::LinkTunnel>(tunnel->second.use).peer_node;
}

// Whether a person would call the two different: counters and ages move all the time.
bool is_news(const TunnelReport& old, const TunnelReport& now) {
  if (old.generation != now.generation || old.failures != now.failures ||
      old.is_charon_up != now.is_charon_up)
    return true;
  return !std::equal(
      old.statuses.begin(), old.statuses.end(), now.statuses.begin(), now.statuses.end(),
      [](const tunnels::TunnelStatus& a, const tunnels::TunnelStatus& b) {
        const std::string a_cause = a.problem ? a.problem->cause : "";
        const std::string b_cause = b.problem ? b.problem->cause : "";
        return a.tunnel == b.tunnel && a.is_ike_established == b.is_ike_established &&
               a.is_child_established == b.is_child_established && a.ike_id == b.ike_id &&
               a_cause == b_cause && a.children.size() == b.children.size();
      });
}

}  // namespace

CharonTunnels::CharonTunnels(std::string vici_path, std::function<void()> changed)
    : changed_(std::move(changed)),
      set_(std::move(vici_path), stop_.fd()),
      thread_([this] { run(); }) {}

CharonTunnels::~CharonTunnels() {
  is_stopping_ = true;
  stop_.wake();
  wakeup_.wake();
  thread_.join();
}

void CharonTunnels::set_credentials(tunnels::NodeCredentials credentials) {
  {
    const std::lock_guard lock(mutex_);
    if (wanted_.credentials == credentials) return;
    wanted_.credentials = std::move(credentials);
    is_new_ = is_new_ || wanted_.generation != 0;
  }
  wakeup_.wake();
}

void CharonTunnels::want(uint64_t generation, const Tunnels& tunnels) {
  {
    const std::lock_guard lock(mutex_);
    if (wanted_.generation == generation) return;
    wanted_.generation = generation;
    if (wanted_.tunnels != tunnels) wanted_.tunnels = tunnels;
    is_new_ = true;
  }
  wakeup_.wake();
}

TunnelReport CharonTunnels::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

// True when there is something newer than `current`, which is then replaced.
bool CharonTunnels::take_wanted(Wanted& current, bool& has_new_tunnels) {
  const std::lock_guard lock(mutex_);
  if (!is_new_) return false;
  is_new_ = false;
  has_new_tunnels = current.generation == 0 || wanted_.tunnels != current.tunnels ||
                    wanted_.credentials != current.credentials;
  current = wanted_;
  return true;
}

void CharonTunnels::run() {
  Wanted current;
  auto next_status = Clock::now();
  while (!is_stopping_) {
    wakeup_.clear();
    bool has_new_tunnels = false;
    bool has_news = take_wanted(current, has_new_tunnels);
    if (has_new_tunnels) {
      set_.set_credentials(current.credentials);
      set_.reconcile(current.tunnels);
    }
    if (current.generation != 0) has_news = set_.poll() || has_news;
    if (is_stopping_) return;  // what was not waited for is no news
    const auto now = Clock::now();
    if (has_news || now >= next_status) {
      publish(current);
      next_status = now + kStatusPeriod;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(next_status - Clock::now()).count();
    pollfd inputs[2] = {{wakeup_.fd(), POLLIN, 0},
                        {current.generation != 0 ? set_.fd() : -1, POLLIN, 0}};
    ::poll(inputs, 2, static_cast<int>(std::clamp<int64_t>(left, 0, kStatusPeriod.count())));
  }
}

void CharonTunnels::publish(const Wanted& current) {
  TunnelReport fresh;
  fresh.generation = current.generation;
  for (const auto& failure : set_.failures()) {
    fresh.failures.push_back(failure_of(item_of(failure.tunnel, current.tunnels), failure.error));
  }
  if (current.generation != 0) fresh.statuses = set_.status();
  fresh.is_charon_up = set_.is_charon_up();
  bool is_news_for_others = false;
  {
    const std::lock_guard lock(mutex_);
    is_news_for_others = is_news(report_, fresh);
    report_ = std::move(fresh);
  }
  if (is_news_for_others) changed_();
}

}  // namespace farspan::agent
