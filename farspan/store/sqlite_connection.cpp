// SPDX-License-Identifier: Apache-2.0
#include "farspan/store/sqlite_connection.h"

namespace farspan::store {

Status SqliteConnection::open(const std::string& path) {
  path_ = path;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &db_, flags, nullptr) != SQLITE_OK) return last_error();
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_timeout(db_, 0);  // the other process keeps its lock for as long as it lives
  return ok();
}

Status SqliteConnection::execute(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return last_error();
  return ok();
}

Error SqliteConnection::last_error() const {
  Error error{ErrorCode::kUnavailable, "store " + path_, "", sqlite3_errmsg(db_), ""};
  switch (sqlite3_errcode(db_) & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      error.what = "another process has it open";
      error.remedy =
          "stop the other farspan-controller, or give this one a state directory of its own";
      break;
    case SQLITE_NOTADB:
      error.code = ErrorCode::kInvalid;
      error.what = "is not a SQLite database";
      error.remedy = "restore it from a backup, or move it away to begin with an empty store";
      break;
    case SQLITE_CORRUPT:
      error.code = ErrorCode::kInvalid;
      error.what = std::string("is damaged: ") + sqlite3_errmsg(db_);
      error.remedy = "restore it from a backup";
      break;
    case SQLITE_FULL:
      error.what = "the disk is full";
      error.remedy = "make room on the disk; nothing was changed";
      break;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      error.remedy = "let the controller's user write the file and its directory";
      break;
    default:
      error.remedy = "look at the disk and its log; nothing was changed";
  }
  return error;
}

SqliteConnection::~SqliteConnection() {
  for (const auto& [sql, statement] : resting_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

sqlite3_stmt* SqliteConnection::take(const char* sql) const {
  if (const auto found = resting_.extract(sql)) return found.mapped();
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr);
  return statement;
}

void SqliteConnection::give_back(const char* sql, sqlite3_stmt* statement) const {
  if (statement == nullptr) return;
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (!resting_.emplace(sql, statement).second) sqlite3_finalize(statement);
}

SqliteStatement::SqliteStatement(const SqliteConnection& connection, const char* sql)
    : connection_(connection), sql_(sql), statement_(connection.take(sql)) {}

SqliteStatement& SqliteStatement::bind(int position, std::string_view text) {
  sqlite3_bind_text64(statement_, position, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

SqliteStatement& SqliteStatement::bind_blob(int position, std::string_view bytes) {
  sqlite3_bind_blob64(statement_, position, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

SqliteStatement& SqliteStatement::bind(int position, int64_t number) {
  sqlite3_bind_int64(statement_, position, number);
  return *this;
}

Result<bool> SqliteStatement::step() {
  if (statement_ == nullptr) return connection_.last_error();  // it could not be prepared
  switch (sqlite3_step(statement_)) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return connection_.last_error();
  }
}

Status SqliteStatement::run() {
  for (;;) {
    const auto row = step();
    if (!row) return row.error();
    if (!*row) break;
  }
  sqlite3_reset(statement_);
  return ok();
}

std::string SqliteStatement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
  return data == nullptr ? std::string() : std::string(data, size);
}

}  // namespace farspan::store
