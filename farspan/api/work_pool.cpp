// SPDX-License-Identifier: Apache-2.0
#include "farspan/api/work_pool.h"

#include <sys/resource.h>
#include <unistd.h>

namespace farspan::api {

WorkPool::WorkPool(int threads, int nice) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this, nice] { run(nice); });
}

WorkPool::~WorkPool() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  posted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkPool::post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    ++unfinished_;
  }
  posted_.notify_one();
}

bool WorkPool::is_idle_by(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return ended_.wait_until(lock, deadline, [&] { return unfinished_ == 0; });
}

void WorkPool::run(int nice) {
  // Linux keeps a niceness per thread (setpriority(2), "C library/kernel differences").
  if (nice != 0) ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice);
  std::unique_lock lock(mutex_);
  for (;;) {
    posted_.wait(lock, [&] { return is_stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    lock.lock();
    if (--unfinished_ == 0) ended_.notify_all();
  }
}

}  // namespace farspan::api
