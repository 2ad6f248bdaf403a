// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/flow/flow_hash.h"

#include <sys/random.h>

#include "farspan/base/check.h"

namespace farspan::dataplane {

FlowHash FlowHash::random() {
  Key key;
  // up to 256 bytes come whole once the kernel's source is initialised (getrandom(2))
  FS_CHECK(::getrandom(key.data(), sizeof(key), 0) == static_cast<ssize_t>(sizeof(key)));
  return FlowHash(key);
}

}  // namespace farspan::dataplane
