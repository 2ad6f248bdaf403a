// SPDX-License-Identifier: Apache-2.0
#include "farspan/store/sqlite_schema.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "farspan/base/unique_fd.h"

namespace farspan::store {
namespace {

constexpr int64_t kApplicationId = 0x4653504e;  // "FSPN": tells our file from another program's
constexpr int64_t kSchemaVersion = 3;           // 2: bodies are those of documents/stored.h

// What version 3 has and version 2 had not.
constexpr const char* kAudit = R"(
  CREATE TABLE audit (sequence INTEGER PRIMARY KEY, revision INTEGER NOT NULL, at INTEGER NOT NULL,
                      who TEXT NOT NULL, origin TEXT NOT NULL, action TEXT NOT NULL, kind TEXT NOT NULL,
                      name TEXT NOT NULL, detail BLOB NOT NULL);
  CREATE TABLE answers (sequence INTEGER PRIMARY KEY, owner TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL,
                        answer BLOB NOT NULL, UNIQUE (owner, key));
  PRAGMA user_version = 3;
)";

constexpr const char* kSchema = R"(
  CREATE TABLE resources (kind TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL UNIQUE,
                          revision INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;
  CREATE TABLE history (sequence INTEGER PRIMARY KEY, revision INTEGER NOT NULL, action INTEGER NOT NULL,
                        kind TEXT NOT NULL, name TEXT NOT NULL);
  CREATE INDEX history_by_revision ON history (revision);
  CREATE TABLE notes (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL,
                      next_number INTEGER NOT NULL, compacted INTEGER NOT NULL);
  INSERT INTO clock VALUES (1, 0, 1, 0);
  PRAGMA application_id = 1179865166;
)";
static_assert(kApplicationId == 1179865166);

// SQLite gives its WAL the mode of the database, so making the file first settles all of them.
Status make_private(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid() || ::fchmod(file.get(), 0600) != 0)
    return Error{ErrorCode::kUnavailable, "store " + path, "", std::strerror(errno),
                 "let the controller's user write the file and its directory"};
  return ok();
}

Result<int64_t> pragma(const SqliteConnection& connection, const char* sql) {
  SqliteStatement statement(connection, sql);
  const auto row = statement.step();
  if (!row) return row.error();
  return *row ? statement.number(0) : 0;
}

Status check_whole(const SqliteConnection& connection, const std::string& path) {
  SqliteStatement statement(connection, "PRAGMA quick_check(1)");
  const auto row = statement.step();
  if (!row) return row.error();
  if (*row && statement.bytes(0) == "ok") return ok();
  return Error{ErrorCode::kInvalid, "store " + path, "", "is damaged: " + statement.bytes(0),
               "restore it from a backup"};
}

}  // namespace

// 1. make the file private  2. take it for this process alone  3. whose is it, which version
// 4. is it whole, or make the tables of a new one, or those that an older one has not
Status open_database(SqliteConnection& connection, const std::string& path) {
  if (const auto made = make_private(path); !made) return made;
  if (const auto opened = connection.open(path); !opened) return opened;
  for (const char* sql : {"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = WAL",
                          "PRAGMA synchronous = FULL", "BEGIN EXCLUSIVE; COMMIT"})
    if (const auto done = connection.execute(sql); !done) return done;

  const auto application = pragma(connection, "PRAGMA application_id");
  if (!application) return application.error();
  const auto version = pragma(connection, "PRAGMA user_version");
  if (!version) return version.error();
  const auto tables = pragma(connection, "SELECT count(*) FROM sqlite_master");
  if (!tables) return tables.error();

  if (*application == 0 && *tables == 0) {
    const std::string sql = std::string("BEGIN IMMEDIATE;") + kSchema + kAudit + "COMMIT";
    return connection.execute(sql.c_str());
  }
  if (*application != kApplicationId)
    return Error{ErrorCode::kInvalid, "store " + path, "", "is the database of another program",
                 "give the controller a state directory of its own"};
  if (*version == 2) {
    if (const auto whole = check_whole(connection, path); !whole) return whole;
    const std::string sql = std::string("BEGIN IMMEDIATE;") + kAudit + "COMMIT";
    return connection.execute(sql.c_str());
  }
  if (*version < kSchemaVersion)
    return Error{
        ErrorCode::kInvalid, "store " + path, "schema version",
        std::to_string(*version) + " is of an older Farspan, whose rows this one cannot read",
        "with the older one write every kind to a file (farspan get KIND -o yaml) and note the "
        "keys (farspan export); then move the store away, start anew and apply the files"};
  if (*version != kSchemaVersion)
    return Error{ErrorCode::kInvalid, "store " + path, "schema version",
                 std::to_string(*version) + " is not known to this Farspan, which writes " +
                     std::to_string(kSchemaVersion),
                 "run the Farspan that wrote it, or a newer one"};
  return check_whole(connection, path);
}

}  // namespace farspan::store
