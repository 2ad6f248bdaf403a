// SPDX-License-Identifier: Apache-2.0
// check_intent: do the rows of a batch fit to the others?
//
// Looks at the rows the batch changed and at counts of who names them; only to say which row names
// a missing one does it look for it.
//
// Not here: where routes lead (read_batch.cpp resolves that). Threads: the one that makes tables.
#pragma once

#include "farspan/base/result.h"
#include "farspan/dataplane/control/intent.h"

namespace farspan::dataplane {

/// Finds rows that name a missing row, labels of two VRFs, addresses of two ports, labels where
/// there is no link any more or none where there is one now. Changes nothing. @pre the batch was
/// counted @return the first fault, in the order of kinds and ids
Status check_intent(const Intent& intent);

}  // namespace farspan::dataplane
