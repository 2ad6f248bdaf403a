// SPDX-License-Identifier: Apache-2.0
// The rows of the audit: who did what, from where, and when (store/store.h keeps them).
//
// Threads: none; every function is pure.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "farspan/base/utc.h"
#include "farspan/controller/principal.h"
#include "farspan/documents/difference.h"
#include "farspan/store/store.h"

namespace farspan::controller {

/// @param action  "create", "update", "delete", "revoke", "enrol", "export"
/// @param key  what it was done to
/// @param fields  what changed of it, without secrets
store::AuditRow audit_row(const Principal& by, std::chrono::system_clock::time_point now,
                          std::string action, store::Key key,
                          const std::vector<documents::FieldChange>& fields);

/// AuditRow::detail: a JSON list of {"field","from","to"}.
std::string detail_of(const std::vector<documents::FieldChange>& fields);

}  // namespace farspan::controller
