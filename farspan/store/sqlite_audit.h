// SPDX-License-Identifier: Apache-2.0
// The audit's table. Inside this folder only; the caller holds the store's mutex.
#pragma once

#include <vector>

#include "farspan/store/sqlite_connection.h"
#include "farspan/store/store.h"

namespace farspan::store {

/// Adds `rows`, of `revision`, and lets the oldest go when there are more than `kept`. Inside a
/// transaction of the caller.
Status add_audit(const SqliteConnection& connection, const std::vector<AuditRow>& rows,
                 uint64_t revision, size_t kept);

/// Store::audit().
Result<AuditPage> read_audit(const SqliteConnection& connection, const AuditQuery& query);

}  // namespace farspan::store
