// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/charon_loop.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "farspan/base/message_socket.h"
#include "farspan/ike/protocol.h"

namespace farspan::dataplane {
namespace {

// Every SA may have a limit and a mapping to tell about, and more is no use to a charon that reads
// none.
constexpr size_t kMaxWaitingForCharon = 4 * ipsec::Sad::kMaxSas;

uint64_t monotonic_seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

}  // namespace

Result<std::unique_ptr<CharonLoop>> CharonLoop::create(SharedState& shared, ipsec::Sad& sad,
                                                       const std::string& run_dir) {
  auto charons = listen_unix(run_dir + "/sad.sock", 0660, SOCK_SEQPACKET);
  if (!charons) return charons.error();
  std::unique_ptr<CharonLoop> loop(new CharonLoop(shared, sad, std::move(*charons), run_dir));
  if (!loop->wait_set_.watch(loop->listener_.get()) ||
      !loop->wait_set_.watch(shared.sa_events.fd()))
    return Error{ErrorCode::kUnavailable, "charon loop", "", std::strerror(errno), ""};
  return loop;
}

CharonLoop::CharonLoop(SharedState& shared, ipsec::Sad& sad, UniqueFd listener, std::string run_dir)
    : shared_(shared), sad_(sad), listener_(std::move(listener)), run_dir_(std::move(run_dir)) {}

CharonLoop::~CharonLoop() { ::unlink((run_dir_ + "/sad.sock").c_str()); }

void CharonLoop::run() {
  while (const auto ready = wait_set_.wait()) {
    const std::lock_guard lock(sad_mutex_);
    for (const epoll_event& event : *ready) serve(event.data.fd);
  }
}

void CharonLoop::serve(int fd) {
  if (fd == listener_.get()) {
    accept_charon();
  } else if (fd == wait_set_.tick()) {
    tick();
  } else if (fd == shared_.sa_events.fd()) {
    take_events();
  } else if (fd == charon_.get()) {
    send_to_charon();
    serve_charon();
  }
}

void CharonLoop::accept_charon() {
  UniqueFd newer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!newer.valid()) return;
  lose_charon();
  charon_ = std::move(newer);
  session_.emplace(sad_);
  if (!wait_set_.watch(charon_.get())) charon_.reset();
  spdlog::info("charon connected");
}

void CharonLoop::serve_charon() {
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

void CharonLoop::tell_charon(std::string message) {
  if (!charon_.valid()) return;
  to_charon_.push_back(std::move(message));
  if (!is_charon_full_ || to_charon_.size() > kMaxWaitingForCharon) send_to_charon();
}

// Sends what waits as far as there is room; the rest when there is some again.
void CharonLoop::send_to_charon() {
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
  wait_set_.watch_for_room(charon_.get(), is_charon_full_);
}

void CharonLoop::lose_charon() {
  charon_.reset();  // which takes it out of the wait set
  session_.reset();
  to_charon_.clear();
  is_charon_full_ = false;
}

void CharonLoop::take_events() {
  shared_.sa_events.clear_wakeup();
  while (const auto event = shared_.sa_events.pop()) {
    const bool is_heard = session_ && session_->is_greeted();
    if (event->kind == ipsec::SaEvent::Kind::kMappingChanged && is_heard &&
        !sad_.take_move(*event, monotonic_seconds())) {
      continue;
    }
    if (event->kind == ipsec::SaEvent::Kind::kAcquire)
      sad_.wished(*event, is_heard, monotonic_seconds());
    if (is_heard) tell_charon(ipsec::SadSession::encode(*event));
  }
}

void CharonLoop::tick() {
  wait_set_.take_tick();
  const uint64_t now = monotonic_seconds();
  sad_.tick(now);
  if (session_ && session_->is_synced()) {
    for (const ipsec::SaEvent& event : sad_.unheard_wishes(now))
      tell_charon(ipsec::SadSession::encode(event));
    for (const ipsec::SaEvent& event : sad_.late_moves(now))
      tell_charon(ipsec::SadSession::encode(event));
  }
}

std::vector<SaRow> CharonLoop::sa_rows() {
  const std::lock_guard lock(sad_mutex_);
  std::vector<SaRow> rows;
  for (const ipsec::Sad::Row& sa : sad_.rows())
    rows.push_back({sa.name.spi, sa.name.is_inbound, sa.use.packets, sa.use.bytes});
  return rows;
}

}  // namespace farspan::dataplane
