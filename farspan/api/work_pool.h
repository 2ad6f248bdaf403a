// SPDX-License-Identifier: Apache-2.0
// WorkPool: the threads on which requests are worked on, away from those that serve connections.
//
// Questions and changes have a pool each (http_server.cpp): a hundred slow questions keep no change
// waiting, and neither keeps anybody from connecting. A job that was posted is always run, also
// after stop(): whoever waits for it is told, and a job that was cancelled ends by itself.
//
// Threads: post() and stop() from any.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace farspan::api {

class WorkPool {
 public:
  /// @param nice  added to the threads' niceness: work that can wait leaves the processor to work
  /// that cannot
  WorkPool(int threads, int nice);
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  void post(std::function<void()> job);

  /// Waits until no job is left, at most until `deadline`; true when none is.
  bool is_idle_by(std::chrono::steady_clock::time_point deadline);

 private:
  void run(int nice);

  std::mutex mutex_;
  std::condition_variable posted_, ended_;
  std::deque<std::function<void()>> jobs_;
  size_t unfinished_ = 0;  // waiting or running
  bool is_stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace farspan::api
