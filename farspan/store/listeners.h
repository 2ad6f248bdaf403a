// SPDX-License-Identifier: Apache-2.0
// Listeners: who wants to hear a new revision.
//
// Both the subscription and the owner hold the list, so either may go first. A listener is called
// under the list's lock: once its subscription is destroyed it is not running any more, and it must
// not take or drop subscriptions itself.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace farspan::store {

/// Ends a subscription when it is destroyed; afterwards the listener is not called any more.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

using Listener = std::function<void(uint64_t revision)>;

class Listeners {
 public:
  std::unique_ptr<Subscription> add(Listener listener) {
    return std::make_unique<Place>(list_, std::move(listener));
  }
  void call(uint64_t revision) {
    const std::lock_guard lock(list_->mutex);
    for (const Listener& listener : list_->called) listener(revision);
  }

 private:
  struct List {
    std::mutex mutex;
    std::list<Listener> called;
  };

  class Place : public Subscription {
   public:
    Place(std::shared_ptr<List> list, Listener listener) : list_(std::move(list)) {
      const std::lock_guard lock(list_->mutex);
      place_ = list_->called.insert(list_->called.end(), std::move(listener));
    }
    ~Place() override {
      const std::lock_guard lock(list_->mutex);
      list_->called.erase(place_);
    }

   private:
    std::shared_ptr<List> list_;
    std::list<Listener>::iterator place_;
  };

  std::shared_ptr<List> list_ = std::make_shared<List>();
};

}  // namespace farspan::store
