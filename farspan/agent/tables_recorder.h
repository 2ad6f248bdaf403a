// SPDX-License-Identifier: Apache-2.0
// TablesRecorder: the other end of tables.sock for tests of order: answers as the data plane does,
// and writes down what it was told, in one list with what the test's devices and tunnels were told.
//
// It judges nothing: whether the rows make sense is tested against farspan-dataplane itself
// (tests/agent).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "farspan/base/unique_fd.h"

namespace farspan::agent {

class EventLog {
 public:
  void add(std::string event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  /// What happened since the last call.
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> events_;
};

class TablesRecorder {
 public:
  TablesRecorder(std::string path, EventLog& log);
  ~TablesRecorder();

  /// The next batch is answered with this error.
  void refuse_next(std::string error);
  /// A port's device died.
  void lose(uint32_t port);

 private:
  void run();
  void serve(int connection);
  std::string answer(const std::string& request, size_t fd_count);

  EventLog& log_;
  UniqueFd listener_, stop_;
  std::mutex mutex_;
  std::string refusal_;
  std::set<uint32_t> live_;
  uint64_t generation_ = 0;
  std::thread thread_;
};

}  // namespace farspan::agent
