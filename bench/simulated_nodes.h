// SPDX-License-Identifier: Apache-2.0
// Simulated nodes: each enrols and holds a session as an agent does, over real gRPC and TLS, and
// says that whatever it is told is in force. What it notes is when it was told.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "farspan/agent/identity.h"

namespace farspan::bench {

using BenchClock = std::chrono::steady_clock;

class SimulatedNode {
 public:
  /// @param controller  ADDRESS:PORT of the controller's port for nodes
  SimulatedNode(std::string node, std::string controller, agent::Identity identity);
  ~SimulatedNode();

  /// Waits for the first delta to a generation from `revision` on, and returns when it came.
  BenchClock::time_point told_since(uint64_t revision);
  /// How long the first delta of the newest session took from dialling on.
  std::chrono::duration<double> time_to_first_delta();

 private:
  void run();
  bool session();

  const std::string node_, controller_;
  const agent::Identity identity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t generation_ = 0;
  BenchClock::time_point told_at_;
  std::chrono::duration<double> first_delta_{0};
  std::atomic<bool> is_ending_ = false;
  struct Call;
  std::unique_ptr<Call> call_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace farspan::bench
