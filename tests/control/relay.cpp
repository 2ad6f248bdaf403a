// SPDX-License-Identifier: Apache-2.0
#include "tests/control/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "farspan/base/check.h"

namespace farspan::control {
namespace {

constexpr int kTickMs = 20;  // so long a change of mind takes at most

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// False when the connection is over.
bool pass(int from, int to) {
  char bytes[16384];
  const ssize_t got = ::recv(from, bytes, sizeof bytes, 0);
  for (ssize_t sent = 0; sent < got;) {
    const ssize_t n = ::send(to, bytes + sent, static_cast<size_t>(got - sent), MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += n;
  }
  return got > 0;
}

}  // namespace

Relay::Relay(int port)
    : target_(port), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  auto address = loopback(0);
  socklen_t length = sizeof address;
  FS_CHECK(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  FS_CHECK(::listen(listener_.get(), 16) == 0);
  FS_CHECK(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

Relay::~Relay() {
  is_stopping_ = true;
  thread_.join();
}

void Relay::accept_one() {
  Pair pair;
  pair.near = UniqueFd(::accept(listener_.get(), nullptr, nullptr));
  pair.far = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = loopback(target_);
  if (::connect(pair.far.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return;
  pairs_.push_back(std::move(pair));
  ++accepted_;
}

void Relay::run() {
  while (!is_stopping_) {
    std::vector<pollfd> inputs;
    if (is_silent_) {
      for (Pair& pair : pairs_) pair.is_dead = true;
    } else {
      inputs.push_back({listener_.get(), POLLIN, 0});
    }
    std::vector<Pair*> alive;
    for (Pair& pair : pairs_) {
      if (pair.is_dead) continue;
      alive.push_back(&pair);
      inputs.push_back({pair.near.get(), POLLIN, 0});
      inputs.push_back({pair.far.get(), POLLIN, 0});
    }
    ::poll(inputs.data(), inputs.size(), kTickMs);
    const size_t first = inputs.size() - 2 * alive.size();
    for (size_t i = 0; i < alive.size(); ++i) {
      const int near = alive[i]->near.get(), far = alive[i]->far.get();
      const bool is_over = (inputs[first + 2 * i].revents != 0 && !pass(near, far)) ||
                           (inputs[first + 2 * i + 1].revents != 0 && !pass(far, near));
      if (is_over) *alive[i] = Pair();
    }
    std::erase_if(pairs_, [](const Pair& pair) { return !pair.near.valid(); });
    if (first == 1 && inputs[0].revents != 0) accept_one();
  }
}

}  // namespace farspan::control
