// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/flow/siphash.h"

#include <sys/random.h>

#include "farspan/base/check.h"

namespace farspan::dataplane {

SipKey SipKey::random() {
  SipKey key;
  // up to 256 bytes come whole once the kernel's source is initialised (getrandom(2))
  FS_CHECK(::getrandom(&key, sizeof(key), 0) == static_cast<ssize_t>(sizeof(key)));
  return key;
}

}  // namespace farspan::dataplane
