// SPDX-License-Identifier: Apache-2.0
// open_database: is this file ours, whole, and of a version we know? Makes an empty one when there
// is none.
#pragma once

#include <string>

#include "farspan/base/result.h"
#include "farspan/store/sqlite_connection.h"

namespace farspan::store {

/// Opens `path` for this process alone. Refuses foreign, damaged and newer files (sqlite_store.h).
Status open_database(SqliteConnection& connection, const std::string& path);

}  // namespace farspan::store
