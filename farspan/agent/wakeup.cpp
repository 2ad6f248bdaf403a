// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/wakeup.h"

#include <sys/eventfd.h>

#include "farspan/base/check.h"

namespace farspan::agent {

Wakeup::Wakeup() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { FS_CHECK(fd_.valid()); }

void Wakeup::wake() const { FS_CHECK(::eventfd_write(fd_.get(), 1) == 0); }

void Wakeup::clear() const {
  eventfd_t count = 0;
  ::eventfd_read(fd_.get(), &count);  // EAGAIN: nobody woke
}

}  // namespace farspan::agent
