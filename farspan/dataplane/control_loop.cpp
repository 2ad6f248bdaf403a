// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control_loop.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>

#include <array>
#include <cstring>

#include "farspan/ike/protocol.h"
#include "farspan/net/address.h"

namespace farspan::dataplane {
namespace {

constexpr std::chrono::milliseconds kAgentPatience{2000};  // for the rest of a frame that has begun
constexpr std::chrono::milliseconds kFlowsPatience{2000};
constexpr timeval kSendPatience{2, 0};
// Every SA may have a limit and a mapping to tell about, and more is no use to a charon that reads
// none.
constexpr size_t kMaxWaitingForCharon = 4 * ipsec::Sad::kMaxSas;

uint64_t monotonic_seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

UniqueFd signals_fd() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

UniqueFd one_second_timer() {
  UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  const itimerspec every{{1, 0}, {1, 0}};
  if (timer.valid()) ::timerfd_settime(timer.get(), 0, &every, nullptr);
  return timer;
}

std::string text_of(const ipsec::Endpoint& endpoint, bool is_udp) {
  const std::string address = net::Address::v4(endpoint.address).text();
  return is_udp ? fmt::format("{}:{}", address, endpoint.port) : address;
}

std::string text_of(crypto::Suite suite) {
  const uint32_t bits = suite.key_length() * 8;
  switch (suite.integrity) {
    case crypto::Integrity::kAead:
      return fmt::format("AES-{}-GCM-16", bits);
    case crypto::Integrity::kHmacSha1_96:
      return fmt::format("AES-CBC-{}/HMAC-SHA1-96", bits);
    case crypto::Integrity::kHmacSha256_128:
      return fmt::format("AES-CBC-{}/HMAC-SHA2-256-128", bits);
    case crypto::Integrity::kHmacSha384_192:
      return fmt::format("AES-CBC-{}/HMAC-SHA2-384-192", bits);
    case crypto::Integrity::kHmacSha512_256:
      return fmt::format("AES-CBC-{}/HMAC-SHA2-512-256", bits);
  }
  return "?";
}

}  // namespace

Result<std::unique_ptr<ControlLoop>> ControlLoop::create(SharedState& shared, TableBuilder& builder,
                                                         ipsec::Sad& sad,
                                                         const std::string& run_dir) {
  auto agents = listen_unix(run_dir + "/tables.sock", 0600, SOCK_STREAM);
  if (!agents) return agents.error();
  auto charons = listen_unix(run_dir + "/sad.sock", 0600, SOCK_SEQPACKET);
  if (!charons) return charons.error();
  Sockets sockets{std::move(*agents), std::move(*charons), signals_fd(), one_second_timer(),
                  UniqueFd(::epoll_create1(EPOLL_CLOEXEC))};
  std::unique_ptr<ControlLoop> loop(
      new ControlLoop(shared, builder, sad, std::move(sockets), run_dir));
  const Sockets& s = loop->sockets_;
  const bool is_watching = loop->watch(s.agents.get()) && loop->watch(s.charons.get()) &&
                           loop->watch(s.signals.get()) && loop->watch(s.timer.get()) &&
                           loop->watch(shared.events.fd());
  if (!is_watching)
    return Error{ErrorCode::kUnavailable, "control loop", "", std::strerror(errno), ""};
  return loop;
}

ControlLoop::ControlLoop(SharedState& shared, TableBuilder& builder, ipsec::Sad& sad,
                         Sockets sockets, std::string run_dir)
    : shared_(shared),
      sad_(sad),
      sockets_(std::move(sockets)),
      run_dir_(std::move(run_dir)),
      tables_server_(builder, shared.tables, {&shared.counters},
                     {.sas = [this] { return sa_rows(); },
                      .flows =
                          [this](uint32_t limit) {
                            return shared_.flow_request.request(limit, kFlowsPatience);
                          },
                      .published =
                          [this] {
                            declare_peers();
                            shared_.wake_worker();
                          }}) {}

ControlLoop::~ControlLoop() {
  ::unlink((run_dir_ + "/tables.sock").c_str());
  ::unlink((run_dir_ + "/sad.sock").c_str());
}

void ControlLoop::run() {
  std::array<epoll_event, 16> ready;
  for (;;) {
    const int count =
        ::epoll_wait(sockets_.epoll.get(), ready.data(), static_cast<int>(ready.size()), -1);
    for (int i = 0; i < count; ++i) {
      if (!serve(ready[static_cast<size_t>(i)].data.fd)) return;
    }
  }
}

bool ControlLoop::watch(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return ::epoll_ctl(sockets_.epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool ControlLoop::serve(int fd) {
  if (fd == sockets_.signals.get()) return false;
  if (fd == sockets_.agents.get()) {
    accept_agent();
  } else if (fd == sockets_.charons.get()) {
    accept_charon();
  } else if (fd == sockets_.timer.get()) {
    tick();
  } else if (fd == shared_.events.fd()) {
    take_events();
  } else if (fd == charon_.get()) {
    send_to_charon();
    serve_charon();
  } else {
    serve_agent(fd);
  }
  return true;
}

void ControlLoop::accept_agent() {
  UniqueFd agent(::accept4(sockets_.agents.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!agent.valid()) return;
  // An agent that does not read its answers loses its connection, not everybody else's.
  ::setsockopt(agent.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendPatience, sizeof kSendPatience);
  if (!watch(agent.get())) return;
  const int fd = agent.get();
  agents_.emplace(fd, MessageSocket(std::move(agent)));
}

void ControlLoop::serve_agent(int fd) {
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

void ControlLoop::accept_charon() {
  UniqueFd newer(::accept4(sockets_.charons.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!newer.valid()) return;
  lose_charon();
  charon_ = std::move(newer);
  session_.emplace(sad_);
  if (!watch(charon_.get())) charon_.reset();
  spdlog::info("charon connected");
}

void ControlLoop::serve_charon() {
  std::array<uint8_t, FS_SAD_MAX_MESSAGE> message;
  while (charon_.valid()) {
    const ssize_t length =
        ::recv(charon_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0) {
      spdlog::warn("charon left; its SAs go on");
      return lose_charon();
    }
    const size_t size = std::min(static_cast<size_t>(length), message.size());
    auto answer = session_->receive({message.data(), size}, monotonic_seconds());
    crypto::zeroize({message.data(), size});  // it may have held keys
    if (!answer.reply.empty()) tell_charon(std::move(answer.reply));
    for (std::string& event : answer.events) tell_charon(std::move(event));
  }
}

void ControlLoop::tell_charon(std::string message) {
  if (!charon_.valid()) return;
  to_charon_.push_back(std::move(message));
  if (!is_charon_full_ || to_charon_.size() > kMaxWaitingForCharon) send_to_charon();
}

// Sends what waits as far as there is room; the rest when there is some again.
void ControlLoop::send_to_charon() {
  while (charon_.valid() && !to_charon_.empty()) {
    const std::string& message = to_charon_.front();
    if (::send(charon_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
      to_charon_.pop_front();
    } else if (errno == EAGAIN && to_charon_.size() <= kMaxWaitingForCharon) {
      break;
    } else if (errno != EINTR) {
      // It may connect again and say everything again.
      spdlog::warn("charon does not read its messages: {}", std::strerror(errno));
      return lose_charon();
    }
  }
  if (!charon_.valid() || is_charon_full_ == !to_charon_.empty()) return;
  is_charon_full_ = !to_charon_.empty();
  epoll_event event{};
  event.events = EPOLLIN | (is_charon_full_ ? uint32_t{EPOLLOUT} : 0u);
  event.data.fd = charon_.get();
  ::epoll_ctl(sockets_.epoll.get(), EPOLL_CTL_MOD, charon_.get(), &event);
}

void ControlLoop::lose_charon() {
  charon_.reset();  // which takes it out of the epoll set
  session_.reset();
  to_charon_.clear();
  is_charon_full_ = false;
}

void ControlLoop::take_events() {
  shared_.events.clear_wakeup();
  while (const auto event = shared_.events.pop()) {
    if (event->kind == WorkerEvent::Kind::kPortDied) {
      spdlog::warn("port {}: its device is gone", event->port.value());
      tables_server_.tap_died(event->port, event->device);
      continue;
    }
    const bool is_heard = session_ && session_->is_greeted();
    if (event->sa.kind == ipsec::SaEvent::Kind::kMappingChanged && is_heard &&
        !sad_.take_move(event->sa, monotonic_seconds())) {
      continue;
    }
    if (event->sa.kind == ipsec::SaEvent::Kind::kAcquire)
      sad_.wished(event->sa, is_heard, monotonic_seconds());
    if (is_heard) tell_charon(ipsec::SadSession::encode(event->sa));
  }
}

void ControlLoop::tick() {
  uint64_t expirations;
  [[maybe_unused]] const ssize_t got =
      ::read(sockets_.timer.get(), &expirations, sizeof expirations);
  const uint64_t now = monotonic_seconds();
  sad_.tick(now);
  if (session_ && session_->is_synced()) {
    for (const ipsec::SaEvent& event : sad_.unheard_wishes(now))
      tell_charon(ipsec::SadSession::encode(event));
    for (const ipsec::SaEvent& event : sad_.late_moves(now))
      tell_charon(ipsec::SadSession::encode(event));
  }
  shared_.tables.collect();
}

// Who a tunnel is declared for is no stranger, even before it has an SA.
void ControlLoop::declare_peers() {
  std::vector<uint32_t> addresses;
  for (const TunnelEntry& tunnel : shared_.tables.current().tunnels) {
    if (!tunnel.is_vacant && tunnel.remote != 0) addresses.push_back(tunnel.remote);
  }
  sad_.declare_peers(std::move(addresses));
}

std::vector<SaRow> ControlLoop::sa_rows() {
  std::vector<SaRow> rows;
  for (const ipsec::Sad::Row& sa : sad_.rows(monotonic_seconds())) {
    const bool is_udp = sa.path.is_udp_encapsulated;
    rows.push_back({.spi = sa.name.spi,
                    .is_inbound = sa.name.is_inbound,
                    .tunnel = TunnelId(sa.name.tunnel),
                    .local = text_of(sa.path.local, is_udp),
                    .remote = text_of(sa.path.remote, is_udp),
                    .suite = text_of(sa.suite),
                    .is_udp_encapsulated = is_udp,
                    .has_esn = sa.has_esn,
                    .packets = sa.use.packets,
                    .bytes = sa.use.bytes,
                    .sequence = sa.newest_sequence});
  }
  return rows;
}

}  // namespace farspan::dataplane
