// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/agent.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cstring>

#include "farspan/agent/apply.h"
#include "farspan/agent/netns.h"
#include "farspan/agent/session.h"
#include "farspan/agent/state_file.h"
#include "farspan/agent/status.h"
#include "farspan/agent/wakeup.h"
#include "farspan/base/process.h"
#include "farspan/v1/node_session.pb.h"

namespace farspan::agent {
namespace {

// SIGTERM and SIGINT as something to poll.
UniqueFd stop_signals() {
  const sigset_t signals = block_ending_signals();
  return UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Where instances' namespaces appear. Without it (no such directory yet) retries find them a second
// later.
UniqueFd watch_netns() {
  UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (watch.valid()) ::inotify_add_watch(watch.get(), kNetnsDirectory, IN_CREATE | IN_MOVED_TO);
  return watch;
}

void drain(int fd) {
  char bytes[4096];
  while (::read(fd, bytes, sizeof bytes) > 0) {
  }
}

class Agent {
 public:
  explicit Agent(const AgentSettings& settings)
      : settings_(settings),
        stop_(stop_signals()),
        netns_(watch_netns()),
        state_(kept_state()),
        ports_(devices_, settings.state_directory + "/ports"),
        tables_(settings.run_directory + "/tables.sock"),
        tunnels_(settings.run_directory + "/charon.vici", [this] { wakeup_.wake(); }),
        applier_(ports_, tables_, tunnels_) {}

  void run();

 private:
  nodestate::NodeState kept_state() const;
  std::string state_path() const { return settings_.state_directory + "/node_state.bin"; }
  void use_identity(const Identity& identity);
  void start_session();
  void take_news(Clock::time_point now);
  void adopt(nodestate::NodeState next, Clock::time_point now);
  void look_at_dataplane(Clock::time_point now);
  void report(Clock::time_point now);
  bool wait(Clock::time_point until);

  const AgentSettings& settings_;
  UniqueFd stop_, netns_;
  Wakeup wakeup_;
  nodestate::NodeState state_;
  std::optional<ItemFailure> disk_failure_;
  bool is_tunnel_news_ = false;
  Clock::time_point next_status_ = Clock::now();
  std::optional<InForce> reported_;

  TapDevices devices_;
  PortApplier ports_;
  TablesApplier tables_;
  CharonTunnels tunnels_;
  Applier applier_;
  std::unique_ptr<ControllerSession> session_;  // last: its threads wake the loop
};

nodestate::NodeState Agent::kept_state() const {
  nodestate::NodeState nothing;
  nothing.node = settings_.node;
  auto kept = load_state(state_path());
  if (!kept) {
    if (kept.error().code != ErrorCode::kNotFound)
      spdlog::error("{}: {}", state_path(), kept.error().text());
    return nothing;
  }
  if (kept->node != settings_.node) {
    spdlog::error("{} is of Node {}; it is left aside", state_path(), kept->node);
    return nothing;
  }
  spdlog::info("generation {} is on disk", kept->generation);
  return *kept;
}

void Agent::use_identity(const Identity& identity) {
  tunnels_.set_credentials(
      {settings_.node, identity.certificate, identity.key, identity.ca_certificate});
}

void Agent::start_session() {
  session_ = std::make_unique<ControllerSession>(
      SessionSettings{settings_.node, settings_.controller, settings_.state_directory,
                      settings_.bundle_path},
      HeldState::of(state_), [this] { wakeup_.wake(); });
}

// Every delta that waits becomes one step: what is in between would be undone at once.
void Agent::take_news(Clock::time_point now) {
  if (auto identity = session_->take_identity()) use_identity(*identity);
  std::optional<nodestate::NodeState> next;
  while (auto received = session_->take()) {
    auto applied = nodestate::apply(next ? *next : state_, received->delta);
    if (!applied) {
      spdlog::warn("{}", applied.error().text());
      session_->restart_from_nothing(received->session);
      break;
    }
    next = std::move(*applied);
  }
  if (next) adopt(std::move(*next), now);
}

// The disk first: after a crash in between, the node comes up with what it was told last. A disk
// that fails is reported and does not keep the node from doing what it was told.
void Agent::adopt(nodestate::NodeState next, Clock::time_point now) {
  auto saved = save_state(state_path(), next);
  disk_failure_.reset();
  if (!saved) {
    disk_failure_ = failure_of("node_state.bin", saved.error());
    spdlog::error("{}", saved.error().text());
  } else {
    session_->set_held(HeldState::of(next));
  }
  state_ = std::move(next);
  applier_.apply(state_, now);
  spdlog::info("generation {}: {} ports, {} tunnels, {} routes", state_.generation,
               state_.ports.size(), state_.tunnels.size(), state_.routes.size());
}

// Input without a question is the end of the connection; a lost device shows in the list of live
// ports.
void Agent::look_at_dataplane(Clock::time_point now) {
  if (!tables_.is_connected()) return;
  pollfd input{tables_.fd(), POLLIN, 0};
  if (::poll(&input, 1, 0) > 0) tables_.disconnect(now);
}

void Agent::report(Clock::time_point now) {
  InForce in_force = applier_.in_force(now);
  if (disk_failure_) in_force.failures.push_back(*disk_failure_);
  if (reported_ != in_force) {
    session_->report(in_force);
    reported_ = std::move(in_force);
  }
  if (now < next_status_ && !is_tunnel_news_) return;
  is_tunnel_news_ = false;
  next_status_ = now + kStatusPeriod;
  if (tables_.is_connected()) tables_.refresh_live_ports(now);
  session_->report(ask_status(tables_, tunnels_.report(), now));
}

// Waits until something happens or `until`. False when the agent shall end.
bool Agent::wait(Clock::time_point until) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count() + 1;
  pollfd inputs[] = {{stop_.get(), POLLIN, 0},
                     {wakeup_.fd(), POLLIN, 0},
                     {tables_.fd(), POLLIN, 0},
                     {netns_.get(), POLLIN, 0}};
  ::poll(inputs, std::size(inputs),
         static_cast<int>(std::clamp<int64_t>(left, 0, kStatusPeriod.count())));
  if ((inputs[1].revents & POLLIN) != 0) {
    wakeup_.clear();
    is_tunnel_news_ = true;
  }
  if ((inputs[3].revents & POLLIN) != 0) {
    drain(netns_.get());
    ports_.expedite();
  }
  return (inputs[0].revents & POLLIN) == 0;
}

void Agent::run() {
  if (auto identity = load_identity(settings_.state_directory, settings_.node))
    use_identity(*identity);
  if (state_.generation != 0) applier_.apply(state_, Clock::now());
  start_session();
  do {
    const auto now = Clock::now();
    look_at_dataplane(now);
    take_news(now);
    applier_.step(now);
    report(now);
  } while (wait(std::min(next_status_, applier_.next_step())));
  spdlog::info("stopped; the network goes on");
}

}  // namespace

void run_agent(const AgentSettings& settings) { Agent(settings).run(); }

}  // namespace farspan::agent
