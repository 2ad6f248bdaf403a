// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/agent_loop.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>

namespace farspan::dataplane {
namespace {

// For the rest of a frame that has begun: a large one to a busy node. Only other agents wait.
constexpr std::chrono::milliseconds kAgentPatience{30'000};
constexpr std::chrono::milliseconds kFlowsPatience{2000};
// Asked for every second: tables must not wait because of a worker that is busy.
constexpr std::chrono::milliseconds kSharesPatience{50};
constexpr timeval kSendPatience{2, 0};
constexpr int kNice = 5;

}  // namespace

Result<std::unique_ptr<AgentLoop>> AgentLoop::create(SharedState& shared, TableBuilder& builder,
                                                     Sas sas, const std::string& run_dir) {
  auto agents = listen_unix(run_dir + "/tables.sock", 0660, SOCK_STREAM);
  if (!agents) return agents.error();
  std::unique_ptr<AgentLoop> loop(
      new AgentLoop(shared, builder, std::move(sas), std::move(*agents), run_dir));
  if (!loop->wait_set_.watch(loop->listener_.get()) ||
      !loop->wait_set_.watch(shared.dead_ports.fd()))
    return Error{ErrorCode::kUnavailable, "agent loop", "", std::strerror(errno), ""};
  return loop;
}

AgentLoop::AgentLoop(SharedState& shared, TableBuilder& builder, Sas sas, UniqueFd listener,
                     std::string run_dir)
    : shared_(shared),
      listener_(std::move(listener)),
      run_dir_(std::move(run_dir)),
      tables_server_(builder, shared.tables, {&shared.counters},
                     {.sas = std::move(sas),
                      .flows =
                          [this](uint32_t limit) {
                            return shared_.flow_request.request(limit, kFlowsPatience);
                          },
                      .flow_shares =
                          [this](uint32_t limit) {
                            return shared_.flow_request.request_shares(limit, kSharesPatience);
                          },
                      .published = [this] { shared_.wake_worker(); }}) {}

AgentLoop::~AgentLoop() { ::unlink((run_dir_ + "/tables.sock").c_str()); }

void AgentLoop::run() {
  // Of this thread alone (Linux counts niceness by thread).
  if (::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice) != 0)
    spdlog::warn("tables are made at the priority of packets: {}", std::strerror(errno));
  while (const auto ready = wait_set_.wait()) {
    for (const epoll_event& event : *ready) serve(event.data.fd);
  }
}

void AgentLoop::serve(int fd) {
  if (fd == listener_.get()) {
    accept_agent();
  } else if (fd == wait_set_.tick()) {
    wait_set_.take_tick();
    shared_.tables.collect();
  } else if (fd == shared_.dead_ports.fd()) {
    take_dead_ports();
  } else {
    serve_agent(fd);
  }
}

void AgentLoop::accept_agent() {
  UniqueFd agent(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!agent.valid()) return;
  // An agent that does not read its answers loses its connection, not everybody else's.
  ::setsockopt(agent.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendPatience, sizeof kSendPatience);
  if (!wait_set_.watch(agent.get())) return;
  const int fd = agent.get();
  agents_.emplace(fd, MessageSocket(std::move(agent)));
}

void AgentLoop::serve_agent(int fd) {
  const auto found = agents_.find(fd);
  if (found == agents_.end()) return;
  auto request = found->second.receive(kAgentPatience);
  if (!request) {
    agents_.erase(found);
    return;
  }
  if (const auto sent = found->second.send(tables_server_.serve(std::move(*request))); !sent)
    agents_.erase(found);
}

void AgentLoop::take_dead_ports() {
  shared_.dead_ports.clear_wakeup();
  while (const auto dead = shared_.dead_ports.pop()) {
    spdlog::warn("port {}: its device is gone", dead->port.value());
    tables_server_.tap_died(dead->port, dead->device);
  }
}

}  // namespace farspan::dataplane
