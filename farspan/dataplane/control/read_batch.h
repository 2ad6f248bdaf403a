// SPDX-License-Identifier: Apache-2.0
// read_batch: the rows of a TablesBatch, checked one by one and written into an Intent.
//
// Each row must be right in itself: addresses that parse and are IPv4, lengths, ranges, no id twice
// in a batch; and a route must lead to a port or tunnel that is there. Whether the other rows fit
// together is asked when all were read (check_intent.h), because a batch may bring them in any
// order.
//
// Threads: the one that makes tables.
#pragma once

#include <vector>

#include "farspan/base/result.h"
#include "farspan/dataplane/control/intent.h"

namespace farspan::v1 {
class TablesBatch;
}

namespace farspan::dataplane {

/// Applies removals, then rows; changes of routes wait in intent.routes. Removing a row that is not
/// there changes nothing, so that a batch may be repeated. On an error the intent is left half
/// changed: undo it.
/// @param fds  one for each port row with has_fd, in order; moved into the ports
Status read_batch(const v1::TablesBatch& batch, std::vector<UniqueFd> fds, Intent& intent);

}  // namespace farspan::dataplane
