// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/node_listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "farspan/base/controller_names.h"
#include "farspan/controller/client_hello.h"
#include "farspan/controller/peer_address.h"

namespace farspan::controller {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPause{100};  // without descriptors
constexpr std::chrono::seconds kBetweenWords{60};
constexpr int kAcceptsInARow = 64;
constexpr uint64_t kListenerId = 0, kStopId = 1, kFirstId = 2;

struct Connection {
  uint64_t id = 0;
  UniqueFd socket;
  Peer peer;
  bool is_given = false;
  size_t sessions = 0;
  Clock::time_point since;  // a stranger since
};
using Connections = std::list<Connection>;
using Place = Connections::iterator;

// What one site may have many of for nothing.
net::Prefix site_of(const Peer& peer) {
  return net::Prefix::covering(peer.address, peer.address.is_v4() ? 32 : 64);
}

enum class Sorted { kUnfinished, kNotTls, kEnrolment, kSessions };

Sorted sort(int socket) {
  thread_local std::string buffer;
  buffer.resize(kMaxClientHelloBytes + 1024);
  const ssize_t length = ::recv(socket, buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
  if (length < 0) return errno == EAGAIN || errno == EINTR ? Sorted::kUnfinished : Sorted::kNotTls;
  if (length == 0) return Sorted::kNotTls;
  const auto count = static_cast<size_t>(length);
  const ClientHello hello = read_client_hello(std::string_view(buffer.data(), count));
  if (hello.state == ClientHello::State::kComplete)
    return hello.server_name == kSessionName ? Sorted::kSessions : Sorted::kEnrolment;
  const bool is_hopeless = hello.state == ClientHello::State::kNone || count == buffer.size();
  return is_hopeless ? Sorted::kNotTls : Sorted::kUnfinished;
}

}  // namespace

NodePortLimits NodePortLimits::of_this_process() {
  NodePortLimits limits;
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return limits;
  const size_t connections = std::max<size_t>(descriptors.rlim_cur / 8, 4);
  limits.strangers = std::min(limits.strangers, connections / 2);
  limits.strangers_per_address = std::min(limits.strangers_per_address, limits.strangers);
  limits.known = std::min(limits.known, connections - limits.strangers);
  return limits;
}

struct NodeListener::Running {
  UniqueFd listener, epoll, stop;
  NodePortLimits limits;
  Give give;
  int port = 0;

  mutable std::mutex mutex;  // everything from here to `thread`
  Connections strangers;     // the oldest first
  Connections known;
  std::unordered_map<uint64_t, Place> by_id;
  std::map<Peer, Place> by_peer;
  std::map<net::Prefix, size_t> strangers_of;
  uint64_t last_id = kFirstId;
  std::optional<Clock::time_point> paused_until;  // accepting is
  Places counted;
  std::vector<std::pair<Door, UniqueFd>> to_give;

  Places told;  // the thread's, as the next
  Clock::time_point told_at;
  std::thread thread;

  void run();
  void serve(const epoll_event& event);
  void accept_some();
  bool accept_one();
  void take(UniqueFd socket, const Peer& peer);
  void look_at(Place place, uint32_t events);
  void let_in(Place place, Door door);
  void become_stranger(Place place, Connections& from);
  void end_oldest(uint64_t& counter);
  void end_oldest_of(const net::Prefix& site);
  void end(Place place);
  void forget_site(const Peer& peer);
  void end_what_is_late();
  void pause();
  int timeout() const;
  void say_what_was_ended();
  bool watch(int fd, uint64_t id, uint32_t events, int operation = EPOLL_CTL_ADD);
};

NodeListener::NodeListener(std::unique_ptr<Running> running) : running_(std::move(running)) {}

NodeListener::~NodeListener() { stop(); }

void NodeListener::stop() {
  if (!running_->thread.joinable()) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(running_->stop.get(), &one, sizeof one);
  running_->thread.join();
}

Result<std::unique_ptr<NodeListener>> NodeListener::open(const std::string& address,
                                                         const NodePortLimits& limits) {
  auto listener = listen_on(address);
  if (!listener) return listener.error();
  auto running = std::make_unique<Running>();
  running->listener = *std::move(listener);
  running->limits = limits;
  running->epoll.reset(::epoll_create1(EPOLL_CLOEXEC));
  running->stop.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(running->listener.get(), reinterpret_cast<sockaddr*>(&bound), &length) != 0 ||
      !running->watch(running->listener.get(), kListenerId, EPOLLIN) ||
      !running->watch(running->stop.get(), kStopId, EPOLLIN))
    return Error{ErrorCode::kUnavailable, "controller", "--listen", std::strerror(errno),
                 "raise the limit of open files"};
  running->port = peer_of(bound).port;
  return std::unique_ptr<NodeListener>(new NodeListener(std::move(running)));
}

void NodeListener::start(Give give) {
  running_->give = std::move(give);
  running_->thread = std::thread([this] { running_->run(); });
}

int NodeListener::port() const { return running_->port; }

NodeListener::Places NodeListener::places() const {
  const std::lock_guard lock(running_->mutex);
  Places places = running_->counted;
  places.strangers = running_->strangers.size();
  places.known = running_->known.size();
  return places;
}

bool NodeListener::session_opened(const std::string& words) {
  Running& all = *running_;
  const auto peer = peer_of(words);
  const std::lock_guard lock(all.mutex);
  const auto found = peer ? all.by_peer.find(*peer) : all.by_peer.end();
  if (found == all.by_peer.end()) return false;  // it is ended already
  const Place place = found->second;
  if (place->sessions == 0) {
    if (all.known.size() >= all.limits.known) return false;
    all.forget_site(place->peer);
    all.known.splice(all.known.end(), all.strangers, place);
  }
  ++place->sessions;
  return true;
}

void NodeListener::session_closed(const std::string& words) {
  Running& all = *running_;
  const auto peer = peer_of(words);
  const std::lock_guard lock(all.mutex);
  const auto found = peer ? all.by_peer.find(*peer) : all.by_peer.end();
  if (found == all.by_peer.end() || found->second->sessions == 0) return;
  if (--found->second->sessions == 0) all.become_stranger(found->second, all.known);
}

bool NodeListener::Running::watch(int fd, uint64_t id, uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return ::epoll_ctl(epoll.get(), operation, fd, &event) == 0;
}

void NodeListener::Running::run() {
  for (epoll_event events[64];;) {
    int wait = 0;
    {
      const std::lock_guard lock(mutex);
      wait = timeout();
    }
    const int count = ::epoll_wait(epoll.get(), events, std::size(events), wait);
    std::vector<std::pair<Door, UniqueFd>> ready;
    {
      const std::lock_guard lock(mutex);
      for (int i = 0; i < count; ++i) {
        if (events[i].data.u64 == kStopId) return;
        serve(events[i]);
      }
      end_what_is_late();
      ready = std::exchange(to_give, {});
    }
    for (auto& [door, socket] : ready) give(door, std::move(socket));
    say_what_was_ended();
  }
}

void NodeListener::Running::serve(const epoll_event& event) {
  if (event.data.u64 == kListenerId) return accept_some();
  const auto found = by_id.find(event.data.u64);
  if (found != by_id.end()) look_at(found->second, event.events);
}

void NodeListener::Running::accept_some() {
  for (int i = 0; i < kAcceptsInARow; ++i)
    if (!accept_one()) return;
}

bool NodeListener::Running::accept_one() {
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  UniqueFd socket(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&from), &length,
                            SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket.valid()) {
    take(std::move(socket), peer_of(from));
    return true;
  }
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause();
  return errno == ECONNABORTED || errno == EINTR;  // of one connection (accept(2)); others wait
}

// Accepting again at once would only spin: the listener stays readable.
void NodeListener::Running::pause() {
  watch(listener.get(), kListenerId, 0, EPOLL_CTL_MOD);
  paused_until = Clock::now() + kPause;
  ++counted.pauses;
}

void NodeListener::Running::take(UniqueFd socket, const Peer& peer) {
  const auto of_site = strangers_of.find(site_of(peer));
  if (of_site != strangers_of.end() && of_site->second >= limits.strangers_per_address)
    end_oldest_of(site_of(peer));
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Connections one;
  one.push_back({++last_id, std::move(socket), peer, false, 0, {}});
  const Place place = one.begin();
  if (!watch(place->socket.get(), place->id, EPOLLIN | EPOLLRDHUP | EPOLLET)) return;
  by_id.emplace(place->id, place);
  by_peer.insert_or_assign(peer, place);
  become_stranger(place, one);
}

void NodeListener::Running::become_stranger(Place place, Connections& from) {
  if (strangers.size() >= limits.strangers) end_oldest(counted.ended_for_a_newer);
  place->since = Clock::now();
  strangers.splice(strangers.end(), from, place);
  ++strangers_of[site_of(place->peer)];
}

// One that was given away shows nothing here but its end.
void NodeListener::Running::look_at(Place place, uint32_t events) {
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) return end(place);
  if (place->is_given) return;
  switch (sort(place->socket.get())) {
    case Sorted::kEnrolment:
      return let_in(place, Door::kEnrolment);
    case Sorted::kSessions:
      return let_in(place, Door::kSessions);
    case Sorted::kNotTls:
      ++counted.not_tls;
      return end(place);
    case Sorted::kUnfinished:
      if ((events & EPOLLRDHUP) != 0) end(place);
      return;
  }
}

void NodeListener::Running::let_in(Place place, Door door) {
  UniqueFd given(::fcntl(place->socket.get(), F_DUPFD_CLOEXEC, 0));
  if (!given.valid() || !watch(place->socket.get(), place->id, EPOLLET, EPOLL_CTL_MOD))
    return end(place);
  place->is_given = true;
  to_give.emplace_back(door, std::move(given));
}

void NodeListener::Running::end_oldest(uint64_t& counter) {
  if (strangers.empty()) return;
  ++counter;
  end(strangers.begin());
}

void NodeListener::Running::end_oldest_of(const net::Prefix& site) {
  const auto oldest = std::find_if(strangers.begin(), strangers.end(), [&](const Connection& one) {
    return site_of(one.peer) == site;
  });
  if (oldest == strangers.end()) return;
  ++counted.ended_for_a_newer;
  end(oldest);
}

// Whoever it was given to sees the end of the connection, and closes its own descriptor.
void NodeListener::Running::end(Place place) {
  ::shutdown(place->socket.get(), SHUT_RDWR);
  by_id.erase(place->id);
  const auto named = by_peer.find(place->peer);
  if (named != by_peer.end() && named->second == place) by_peer.erase(named);
  if (place->sessions == 0) forget_site(place->peer);
  (place->sessions == 0 ? strangers : known).erase(place);
}

void NodeListener::Running::forget_site(const Peer& peer) {
  const auto of_site = strangers_of.find(site_of(peer));
  if (of_site != strangers_of.end() && --of_site->second == 0) strangers_of.erase(of_site);
}

void NodeListener::Running::end_what_is_late() {
  const auto now = Clock::now();
  while (!strangers.empty() && now - strangers.front().since >= limits.stranger_age)
    end_oldest(counted.ended_by_age);
  if (paused_until && now >= *paused_until) {
    paused_until.reset();
    watch(listener.get(), kListenerId, EPOLLIN, EPOLL_CTL_MOD);
  }
}

int NodeListener::Running::timeout() const {
  const auto now = Clock::now();
  // a session that closes makes a stranger, and wakes nobody
  auto until = now + std::min<Clock::duration>(kBetweenWords, limits.stranger_age);
  if (!strangers.empty()) until = std::min(until, strangers.front().since + limits.stranger_age);
  if (paused_until) until = std::min(until, *paused_until);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  return static_cast<int>(std::max<int64_t>(left, 0));
}

// Strangers can do this all day, so a line a minute at most.
void NodeListener::Running::say_what_was_ended() {
  const auto now = Clock::now();
  Places places;
  {
    const std::lock_guard lock(mutex);
    if (counted == told || (told_at != Clock::time_point() && now - told_at < kBetweenWords))
      return;
    places = counted;
  }
  spdlog::warn(
      "nodes' port: of connections without a session, {} were ended because they took too long, {} "
      "for newer ones, {} spoke no TLS; accepting paused {} times for want of descriptors (since "
      "the "
      "last such line)",
      places.ended_by_age - told.ended_by_age, places.ended_for_a_newer - told.ended_for_a_newer,
      places.not_tls - told.not_tls, places.pauses - told.pauses);
  told = places;
  told_at = now;
}

}  // namespace farspan::controller
