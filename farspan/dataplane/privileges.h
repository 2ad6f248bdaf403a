// SPDX-License-Identifier: Apache-2.0
// drop_privileges: what this process may still do once its sockets are open.
#pragma once

#include "farspan/base/result.h"

namespace farspan::dataplane {

/// Keeps CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE where they are held, gives every other
/// capability up for good and forbids gaining any by exec. Before threads are made.
Status drop_privileges();

}  // namespace farspan::dataplane
