// SPDX-License-Identifier: Apache-2.0
// Wakeup: one thread tells another, which sits in poll(2), that there is something to look at.
#pragma once

#include "farspan/base/unique_fd.h"

namespace farspan::agent {

class Wakeup {
 public:
  Wakeup();
  int fd() const { return fd_.get(); }
  void wake() const;   // any thread
  void clear() const;  // the thread that polls, before it looks

 private:
  UniqueFd fd_;
};

}  // namespace farspan::agent
