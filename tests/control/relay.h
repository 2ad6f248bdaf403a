// SPDX-License-Identifier: Apache-2.0
// Relay: a TCP relay on loopback that can fall silent: connections stay open and nothing passes, as
// when a machine loses its power or a firewall its state. Neither end hears a FIN or a RST.
//
// Threads: one of its own.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "farspan/base/unique_fd.h"

namespace farspan::control {

class Relay {
 public:
  /// Passes on to 127.0.0.1:`port` what arrives at port().
  explicit Relay(int port);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  int port() const { return port_; }
  /// Connections that were accepted until now.
  int accepted() const { return accepted_; }
  /// From now on nothing passes, and new connections wait. Those there are stay silent for ever.
  void fall_silent() { is_silent_ = true; }
  /// New connections are served again.
  void serve_new() { is_silent_ = false; }

 private:
  struct Pair {
    UniqueFd near, far;
    bool is_dead = false;  // it was there during a silence
  };
  void run();
  void accept_one();

  const int target_;
  int port_ = 0;
  UniqueFd listener_;
  std::vector<Pair> pairs_;
  std::atomic<bool> is_silent_{false}, is_stopping_{false};
  std::atomic<int> accepted_{0};
  std::thread thread_;
};

}  // namespace farspan::control
