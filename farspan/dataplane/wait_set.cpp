// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/wait_set.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace farspan::dataplane {
namespace {

bool control(int set, int operation, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return ::epoll_ctl(set, operation, fd, &event) == 0;
}

}  // namespace

WaitSet::WaitSet()
    : set_(::epoll_create1(EPOLL_CLOEXEC)),
      tick_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      end_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  const itimerspec every_second{{1, 0}, {1, 0}};
  if (::timerfd_settime(tick_.get(), 0, &every_second, nullptr) != 0 || !watch(tick_.get()) ||
      !watch(end_.get()))
    set_.reset();
}

bool WaitSet::watch(int fd) { return control(set_.get(), EPOLL_CTL_ADD, fd, EPOLLIN); }

void WaitSet::watch_for_room(int fd, bool is_wanted) {
  control(set_.get(), EPOLL_CTL_MOD, fd, EPOLLIN | (is_wanted ? uint32_t{EPOLLOUT} : 0u));
}

std::optional<std::span<const epoll_event>> WaitSet::wait() {
  const int count = ::epoll_wait(set_.get(), ready_.data(), static_cast<int>(ready_.size()), -1);
  const std::span<const epoll_event> ready(ready_.data(), static_cast<size_t>(std::max(count, 0)));
  if (std::ranges::any_of(ready, [&](const auto& event) { return event.data.fd == end_.get(); }))
    return std::nullopt;
  return ready;
}

void WaitSet::stop() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(end_.get(), &one, sizeof one);
}

void WaitSet::take_tick() const {
  uint64_t expirations;
  [[maybe_unused]] const ssize_t got = ::read(tick_.get(), &expirations, sizeof expirations);
}

}  // namespace farspan::dataplane
