// SPDX-License-Identifier: Apache-2.0
// SqliteConnection, SqliteStatement: the SQLite C interface with owners and Errors.
//
// Inside this folder only. A fault of the disk is kUnavailable; a file that cannot be a database is
// kInvalid.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "farspan/base/result.h"

namespace farspan::store {

class SqliteConnection {
 public:
  SqliteConnection() = default;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection();

  Status open(const std::string& path);
  Status execute(const char* sql);
  /// What went wrong last, as an Error that says which file and what to do.
  Error last_error() const;
  sqlite3* get() const { return db_; }

 private:
  friend class SqliteStatement;
  /// A prepared `sql` that nobody uses, or a new one; null when it cannot be prepared.
  sqlite3_stmt* take(const char* sql) const;
  void give_back(const char* sql, sqlite3_stmt* statement) const;

  sqlite3* db_ = nullptr;
  std::string path_;
  /// Preparing costs more than running: a statement is prepared once and rests here between uses.
  mutable std::map<std::string_view, sqlite3_stmt*> resting_;
};

class SqliteStatement {
 public:
  /// @param sql  a literal
  SqliteStatement(const SqliteConnection& connection, const char* sql);
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;
  ~SqliteStatement() { connection_.give_back(sql_, statement_); }

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
  const char* const sql_;
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace farspan::store
