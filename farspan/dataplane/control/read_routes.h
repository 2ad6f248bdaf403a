// SPDX-License-Identifier: Apache-2.0
// read_routes: the routes of a TablesBatch, as changes to those that are there.
//
// A snapshot of a million routes of which one is another one than before comes out as one change.
//
// Not here: the other rows (read_batch.h), which must have been read. Threads: the one that makes
// tables.
#pragma once

#include "farspan/base/result.h"
#include "farspan/dataplane/control/intent.h"

namespace farspan::v1 {
class TablesBatch;
}

namespace farspan::dataplane {

/// Fills `intent.routes`; refuses routes that are malformed, come twice, or lead to a port or a
/// tunnel that is not there or with a label that does not fit it.
Status read_routes(const v1::TablesBatch& batch, Intent& intent);

}  // namespace farspan::dataplane
