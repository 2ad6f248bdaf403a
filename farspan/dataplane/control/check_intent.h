// SPDX-License-Identifier: Apache-2.0
// check_intent: do the rows fit together?
//
// Threads: the control thread.
#pragma once

#include "farspan/base/result.h"
#include "farspan/dataplane/control/intent.h"

namespace farspan::dataplane {

/// Finds rows that name a missing row, labels of two VRFs, addresses of two ports, labels where
/// there is no link or none where there is one. Changes nothing. @return the first fault, in the
/// order of kinds and ids
Status check_intent(const Intent& intent);

}  // namespace farspan::dataplane
