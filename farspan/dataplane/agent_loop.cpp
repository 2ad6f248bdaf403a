// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/agent_loop.h"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace farspan::dataplane {
namespace {

// For the rest of a frame that has begun: a large one to a busy node. Only other agents wait.
constexpr std::chrono::milliseconds kAgentPatience{30'000};
constexpr std::chrono::milliseconds kFlowsPatience{2000};
constexpr timeval kSendPatience{2, 0};
constexpr int kNice = 5;

UniqueFd collect_timer() {
  UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  const itimerspec every{{1, 0}, {1, 0}};
  if (timer.valid()) ::timerfd_settime(timer.get(), 0, &every, nullptr);
  return timer;
}

}  // namespace

Result<std::unique_ptr<AgentLoop>> AgentLoop::create(SharedState& shared, TableBuilder& builder,
                                                     Sas sas, const std::string& run_dir) {
  auto agents = listen_unix(run_dir + "/tables.sock", 0600, SOCK_STREAM);
  if (!agents) return agents.error();
  Sockets sockets{std::move(*agents), collect_timer(),
                  UniqueFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
                  UniqueFd(::epoll_create1(EPOLL_CLOEXEC))};
  std::unique_ptr<AgentLoop> loop(
      new AgentLoop(shared, builder, std::move(sas), std::move(sockets), run_dir));
  const Sockets& s = loop->sockets_;
  if (!loop->watch(s.agents.get()) || !loop->watch(s.timer.get()) || !loop->watch(s.stop.get()) ||
      !loop->watch(shared.dead_ports.fd()))
    return Error{ErrorCode::kUnavailable, "agent loop", "", std::strerror(errno), ""};
  return loop;
}

AgentLoop::AgentLoop(SharedState& shared, TableBuilder& builder, Sas sas, Sockets sockets,
                     std::string run_dir)
    : shared_(shared),
      sockets_(std::move(sockets)),
      run_dir_(std::move(run_dir)),
      tables_server_(builder, shared.tables, {&shared.counters},
                     {.sas = std::move(sas),
                      .flows =
                          [this](uint32_t limit) {
                            return shared_.flow_request.request(limit, kFlowsPatience);
                          },
                      .published = [this] { shared_.wake_worker(); }}) {}

AgentLoop::~AgentLoop() { ::unlink((run_dir_ + "/tables.sock").c_str()); }

void AgentLoop::stop() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(sockets_.stop.get(), &one, sizeof one);
}

void AgentLoop::run() {
  // Of this thread alone (Linux counts niceness by thread).
  if (::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice) != 0)
    spdlog::warn("tables are made at the priority of packets: {}", std::strerror(errno));
  std::array<epoll_event, 16> ready;
  for (;;) {
    const int count =
        ::epoll_wait(sockets_.epoll.get(), ready.data(), static_cast<int>(ready.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[static_cast<size_t>(i)].data.fd;
      if (fd == sockets_.stop.get()) return;
      serve(fd);
    }
  }
}

bool AgentLoop::watch(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return ::epoll_ctl(sockets_.epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void AgentLoop::serve(int fd) {
  if (fd == sockets_.agents.get()) {
    accept_agent();
  } else if (fd == sockets_.timer.get()) {
    tick();
  } else if (fd == shared_.dead_ports.fd()) {
    take_dead_ports();
  } else {
    serve_agent(fd);
  }
}

void AgentLoop::accept_agent() {
  UniqueFd agent(::accept4(sockets_.agents.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!agent.valid()) return;
  // An agent that does not read its answers loses its connection, not everybody else's.
  ::setsockopt(agent.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendPatience, sizeof kSendPatience);
  if (!watch(agent.get())) return;
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

void AgentLoop::tick() {
  uint64_t expirations;
  [[maybe_unused]] const ssize_t got =
      ::read(sockets_.timer.get(), &expirations, sizeof expirations);
  shared_.tables.collect();
}

}  // namespace farspan::dataplane
