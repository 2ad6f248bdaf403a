// SPDX-License-Identifier: Apache-2.0
// SqliteConnection, SqliteStatement: the SQLite C interface with owners and Errors.
//
// Inside this folder only. A fault of the disk is kUnavailable; a file that cannot be a database is
// kInvalid.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "farspan/base/result.h"

namespace farspan::store {

class SqliteConnection {
 public:
  SqliteConnection() = default;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection() { sqlite3_close(db_); }

  Status open(const std::string& path);
  Status execute(const char* sql);
  /// What went wrong last, as an Error that says which file and what to do.
  Error last_error() const;
  sqlite3* get() const { return db_; }

 private:
  sqlite3* db_ = nullptr;
  std::string path_;
};

class SqliteStatement {
 public:
  SqliteStatement(const SqliteConnection& connection, const char* sql);
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;
  ~SqliteStatement() { sqlite3_finalize(statement_); }

  /// Positions count from 1. The text must outlive the next step.
  SqliteStatement& bind(int position, std::string_view text);
  SqliteStatement& bind_blob(int position, std::string_view bytes);
  SqliteStatement& bind(int position, int64_t number);

  /// True when there is a row, false at the end.
  Result<bool> step();
  /// Runs to the end, and makes the statement ready for the next values.
  Status run();

  int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string bytes(int column) const;

 private:
  const SqliteConnection& connection_;
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace farspan::store
