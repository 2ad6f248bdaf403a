// SPDX-License-Identifier: Apache-2.0
#include "farspan/store/sqlite_store.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <set>

#include "farspan/store/sqlite_audit.h"
#include "farspan/store/sqlite_connection.h"
#include "farspan/store/sqlite_schema.h"

namespace farspan::store {
namespace {

Error invalid(const Key& key, std::string what) {
  return {ErrorCode::kInvalid, key.kind + " " + key.name, "", std::move(what),
          "list the store again and make the transaction anew"};
}

struct Clock {
  uint64_t revision = 0;
  uint32_t next_number = 1;
  uint64_t compacted = 0;  // changes up to this revision are no longer kept
};

class SqliteStore : public Store {
 public:
  explicit SqliteStore(const SqliteOptions& options) : options_(options) {}
  Status open(const std::string& path) { return open_database(connection_, path); }

  Result<std::optional<Row>> get(const Key& key) override;
  Result<Contents> list() override;
  Result<uint64_t> commit(const Transaction& transaction) override;
  Status record(const std::map<std::string, std::string>& notes,
                const std::vector<AuditRow>& audit) override;
  Result<AuditPage> audit(const AuditQuery& query) override;
  Result<std::optional<KeptAnswer>> answer_to(const std::string& owner,
                                              const std::string& key) override;
  Result<std::vector<Change>> changes_after(uint64_t revision, size_t limit) override;
  std::unique_ptr<Subscription> watch(Listener listener) override {
    return listeners_.add(std::move(listener));
  }

 private:
  Result<Clock> clock();
  Status in_transaction(const std::function<Status()>& write);
  Result<uint64_t> write(const Transaction& transaction);
  Status write_beside(const std::map<std::string, std::string>& notes,
                      const std::vector<AuditRow>& audit, uint64_t revision);
  Status remove(const Key& key, uint64_t revision);
  Status rename(const Rename& rename, uint64_t revision);
  Status keep(const KeptAnswer& answer);
  Status put(const Row& row, uint64_t revision, uint32_t& next_number);
  Status remember(uint64_t revision, Action action, const Key& key);
  Status set_note(const std::string& name, const std::string& value);
  Result<uint64_t> compact(uint64_t compacted, uint64_t newest);

  SqliteOptions options_;
  std::mutex mutex_;  // guards the connection
  SqliteConnection connection_;
  Listeners listeners_;
};

Result<Clock> SqliteStore::clock() {
  SqliteStatement select(connection_, "SELECT revision, next_number, compacted FROM clock");
  const auto row = select.step();
  if (!row) return row.error();
  return Clock{static_cast<uint64_t>(select.number(0)), static_cast<uint32_t>(select.number(1)),
               static_cast<uint64_t>(select.number(2))};
}

Result<std::optional<Row>> SqliteStore::get(const Key& key) {
  const std::lock_guard lock(mutex_);
  SqliteStatement select(
      connection_, "SELECT number, revision, body FROM resources WHERE kind = ? AND name = ?");
  select.bind(1, key.kind).bind(2, key.name);
  const auto row = select.step();
  if (!row) return row.error();
  if (!*row) return std::optional<Row>();
  return std::optional<Row>(Row{key, static_cast<uint32_t>(select.number(0)),
                                static_cast<uint64_t>(select.number(1)), select.bytes(2)});
}

Result<Contents> SqliteStore::list() {
  const std::lock_guard lock(mutex_);
  const auto now = clock();
  if (!now) return now.error();
  Contents contents{now->revision, now->next_number, {}, {}};

  SqliteStatement rows(
      connection_, "SELECT kind, name, number, revision, body FROM resources ORDER BY kind, name");
  for (;;) {
    const auto row = rows.step();
    if (!row) return row.error();
    if (!*row) break;
    contents.rows.push_back({{rows.bytes(0), rows.bytes(1)},
                             static_cast<uint32_t>(rows.number(2)),
                             static_cast<uint64_t>(rows.number(3)),
                             rows.bytes(4)});
  }
  SqliteStatement notes(connection_, "SELECT name, value FROM notes");
  for (;;) {
    const auto row = notes.step();
    if (!row) return row.error();
    if (!*row) break;
    contents.notes.emplace(notes.bytes(0), notes.bytes(1));
  }
  return contents;
}

Status SqliteStore::in_transaction(const std::function<Status()>& write) {
  if (const auto begun = connection_.execute("BEGIN IMMEDIATE"); !begun) return begun;
  auto written = write();
  // A commit that fails (full disk) leaves the transaction open, and it must not linger.
  if (written) written = connection_.execute("COMMIT");
  if (!written) (void)connection_.execute("ROLLBACK");
  return written;
}

Result<uint64_t> SqliteStore::commit(const Transaction& transaction) {
  uint64_t revision = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto done = in_transaction([&]() -> Status {
      const auto written = write(transaction);
      if (!written) return written.error();
      revision = *written;
      return ok();
    });
    if (!done) return done.error();
  }
  listeners_.call(revision);
  return revision;
}

Status SqliteStore::record(const std::map<std::string, std::string>& notes,
                           const std::vector<AuditRow>& audit) {
  const std::lock_guard lock(mutex_);
  return in_transaction([&]() -> Status {
    const auto now = clock();
    if (!now) return now.error();
    return write_beside(notes, audit, now->revision);
  });
}

// 1. is it the next one  2. deletes, renames, puts, notes and audit  3. history  4. the clock
Result<uint64_t> SqliteStore::write(const Transaction& transaction) {
  auto now = clock();
  if (!now) return now.error();
  if (now->revision != transaction.based_on)
    return Error{ErrorCode::kConflict, "store", "revision",
                 std::to_string(transaction.based_on) + " is not the latest, which is " +
                     std::to_string(now->revision),
                 "read again and repeat the change"};
  const uint64_t revision = now->revision + 1;
  std::set<Key> touched;
  for (const Key& key : transaction.deletes) {
    if (!touched.insert(key).second) return invalid(key, "stands twice in one transaction");
    if (const auto removed = remove(key, revision); !removed) return removed.error();
  }
  for (const Rename& rename : transaction.renames)
    if (const auto done = this->rename(rename, revision); !done) return done.error();
  for (const Row& row : transaction.puts) {
    if (!touched.insert(row.key).second) return invalid(row.key, "stands twice in one transaction");
    if (const auto done = put(row, revision, now->next_number); !done) return done.error();
  }
  if (const auto done = write_beside(transaction.notes, transaction.audit, revision); !done)
    return done.error();
  if (transaction.answer)
    if (const auto kept = keep(*transaction.answer); !kept) return kept.error();
  const auto compacted = compact(now->compacted, revision);
  if (!compacted) return compacted.error();

  SqliteStatement update(connection_,
                         "UPDATE clock SET revision = ?, next_number = ?, compacted = ?");
  update.bind(1, static_cast<int64_t>(revision))
      .bind(2, int64_t{now->next_number})
      .bind(3, static_cast<int64_t>(*compacted));
  if (const auto done = update.run(); !done) return done.error();
  return revision;
}

Status SqliteStore::write_beside(const std::map<std::string, std::string>& notes,
                                 const std::vector<AuditRow>& audit, uint64_t revision) {
  for (const auto& [name, value] : notes)
    if (const auto set = set_note(name, value); !set) return set;
  return add_audit(connection_, audit, revision, options_.kept_audit);
}

Result<AuditPage> SqliteStore::audit(const AuditQuery& query) {
  const std::lock_guard lock(mutex_);
  return read_audit(connection_, query);
}

Status SqliteStore::remove(const Key& key, uint64_t revision) {
  SqliteStatement statement(connection_, "DELETE FROM resources WHERE kind = ? AND name = ?");
  statement.bind(1, key.kind).bind(2, key.name);
  if (const auto done = statement.run(); !done) return done;
  if (sqlite3_changes(connection_.get()) == 0) return invalid(key, "does not exist");
  return remember(revision, Action::kDelete, key);
}

Status SqliteStore::rename(const Rename& rename, uint64_t revision) {
  const Key to{rename.from.kind, rename.to};
  SqliteStatement taken(connection_, "SELECT 1 FROM resources WHERE kind = ? AND name = ?");
  taken.bind(1, to.kind).bind(2, to.name);
  const auto is_taken = taken.step();
  if (!is_taken) return is_taken.error();
  if (*is_taken) return invalid(to, "exists already");
  SqliteStatement update(connection_,
                         "UPDATE resources SET name = ?, revision = ? WHERE kind = ? AND name = ?");
  update.bind(1, to.name)
      .bind(2, static_cast<int64_t>(revision))
      .bind(3, rename.from.kind)
      .bind(4, rename.from.name);
  if (const auto done = update.run(); !done) return done;
  if (sqlite3_changes(connection_.get()) == 0) return invalid(rename.from, "does not exist");
  // To whoever watches by name one goes and another comes.
  if (const auto done = remember(revision, Action::kDelete, rename.from); !done) return done;
  return remember(revision, Action::kCreate, to);
}

Status SqliteStore::keep(const KeptAnswer& answer) {
  SqliteStatement insert(connection_,
                         "INSERT INTO answers (owner, key, request, answer) VALUES (?, ?, ?, ?)");
  insert.bind(1, answer.owner)
      .bind(2, answer.key)
      .bind(3, answer.request)
      .bind_blob(4, answer.answer);
  if (const auto done = insert.run(); !done) return done;
  SqliteStatement forget(
      connection_, "DELETE FROM answers WHERE sequence <= (SELECT max(sequence) FROM answers) - ?");
  forget.bind(1, static_cast<int64_t>(options_.kept_answers));
  return forget.run();
}

Result<std::optional<KeptAnswer>> SqliteStore::answer_to(const std::string& owner,
                                                         const std::string& key) {
  const std::lock_guard lock(mutex_);
  SqliteStatement select(connection_,
                         "SELECT request, answer FROM answers WHERE owner = ? AND key = ?");
  select.bind(1, owner).bind(2, key);
  const auto row = select.step();
  if (!row) return row.error();
  if (!*row) return std::optional<KeptAnswer>();
  return std::optional<KeptAnswer>(KeptAnswer{owner, key, select.bytes(0), select.bytes(1)});
}

Status SqliteStore::put(const Row& row, uint64_t revision, uint32_t& next_number) {
  SqliteStatement standing(connection_, "SELECT number FROM resources WHERE kind = ? AND name = ?");
  standing.bind(1, row.key.kind).bind(2, row.key.name);
  const auto stands = standing.step();
  if (!stands) return stands.error();
  if (*stands && standing.number(0) != int64_t{row.number})
    return invalid(row.key, "has number " + std::to_string(standing.number(0)) +
                                " and cannot take " + std::to_string(row.number));
  if (!*stands && row.number < next_number)
    return invalid(
        row.key, "number " + std::to_string(row.number) + " was given to another resource before");
  if (!*stands) next_number = row.number + 1;

  SqliteStatement statement(
      connection_,
      "INSERT INTO resources (kind, name, number, revision, body) VALUES (?, ?, ?, ?, ?) "
      "ON CONFLICT (kind, name) DO UPDATE SET revision = excluded.revision, body = excluded.body");
  statement.bind(1, row.key.kind)
      .bind(2, row.key.name)
      .bind(3, int64_t{row.number})
      .bind(4, static_cast<int64_t>(revision))
      .bind_blob(5, row.body);
  if (const auto done = statement.run(); !done) return done;
  return remember(revision, *stands ? Action::kUpdate : Action::kCreate, row.key);
}

Status SqliteStore::remember(uint64_t revision, Action action, const Key& key) {
  SqliteStatement insert(connection_,
                         "INSERT INTO history (revision, action, kind, name) VALUES (?, ?, ?, ?)");
  insert.bind(1, static_cast<int64_t>(revision))
      .bind(2, static_cast<int64_t>(action))
      .bind(3, key.kind)
      .bind(4, key.name);
  return insert.run();
}

Status SqliteStore::set_note(const std::string& name, const std::string& value) {
  SqliteStatement statement(
      connection_, value.empty() ? "DELETE FROM notes WHERE name = ?"
                                 : "INSERT INTO notes (name, value) VALUES (?, ?) "
                                   "ON CONFLICT (name) DO UPDATE SET value = excluded.value");
  statement.bind(1, name);
  if (!value.empty()) statement.bind_blob(2, value);
  return statement.run();
}

// Whole transactions go, so that a watcher never sees half of one; the newest never does, however
// large it is, so that a watcher that has seen all others can go on.
Result<uint64_t> SqliteStore::compact(uint64_t compacted, uint64_t newest) {
  SqliteStatement oldest(connection_,
                         "SELECT revision FROM history ORDER BY sequence DESC LIMIT 1 OFFSET ?");
  oldest.bind(1, static_cast<int64_t>(options_.kept_changes));
  const auto row = oldest.step();
  if (!row) return row.error();
  if (!*row) return compacted;
  const int64_t last = std::min(oldest.number(0), static_cast<int64_t>(newest) - 1);
  SqliteStatement forget(connection_, "DELETE FROM history WHERE revision <= ?");
  forget.bind(1, last);
  if (const auto done = forget.run(); !done) return done.error();
  return static_cast<uint64_t>(last);
}

Result<std::vector<Change>> SqliteStore::changes_after(uint64_t revision, size_t limit) {
  const std::lock_guard lock(mutex_);
  const auto now = clock();
  if (!now) return now.error();
  if (revision < now->compacted || revision > now->revision)
    return Error{ErrorCode::kConflict, "store", "revision",
                 revision < now->compacted
                     ? std::to_string(revision) + " is compacted: changes up to " +
                           std::to_string(now->compacted) + " are no longer kept"
                     : std::to_string(revision) + " is in the future; the latest is " +
                           std::to_string(now->revision),
                 "list the resources and watch from the revision of the list"};
  std::vector<Change> changes;
  SqliteStatement select(connection_,
                         "SELECT revision, action, kind, name FROM history "
                         "WHERE revision > ? ORDER BY sequence");
  select.bind(1, static_cast<int64_t>(revision));
  for (;;) {
    const auto row = select.step();
    if (!row) return row.error();
    if (!*row) break;
    const auto of = static_cast<uint64_t>(select.number(0));
    if (changes.size() >= limit && changes.back().revision != of) break;
    changes.push_back(
        {of, static_cast<Action>(select.number(1)), {select.bytes(2), select.bytes(3)}});
  }
  return changes;
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite(const std::string& path, const SqliteOptions& options) {
  auto store = std::make_unique<SqliteStore>(options);
  if (const auto opened = store->open(path); !opened) return opened.error();
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace farspan::store
