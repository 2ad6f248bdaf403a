// SPDX-License-Identifier: Apache-2.0
// SqliteStore: the store of a single controller, one SQLite file in its state directory.
//
// WAL with synchronous=FULL: a commit is on the disk when it returns, and a kill at any moment
// leaves the last committed transaction (https://sqlite.org/wal.html). The file is locked
// exclusively while it is open, so a second controller on the same directory is refused instead of
// racing.
//
// Secrets: bodies are stored as they come; the file, its WAL and its index are mode 0600. They are
// not encrypted at rest: a key file beside the database would be read by whoever can read the
// database.
//
// Threads: any; one mutex around the connection.
#pragma once

#include <memory>
#include <string>

#include "farspan/store/store.h"

namespace farspan::store {

struct SqliteOptions {
  size_t kept_changes = 10'000;  // of the history; older ones are compacted
  size_t kept_audit = 500'000;   // rows of the audit; the oldest go
  size_t kept_answers = 1'000;   // to changes that have a key; the oldest go
};

/// Opens or makes the database at `path`.
///   - kUnavailable  another process has it open, or the disk refuses
///   - kInvalid      the file is no SQLite database, not Farspan's, damaged, or of a newer Farspan
Result<std::unique_ptr<Store>> open_sqlite(const std::string& path,
                                           const SqliteOptions& options = {});

}  // namespace farspan::store
