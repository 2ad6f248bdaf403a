// SPDX-License-Identifier: Apache-2.0
#include "farspan/store/sqlite_audit.h"

#include <limits>

namespace farspan::store {
namespace {

// Rows that one page looks at: about 10 ms.
constexpr size_t kMostSeen = 20'000;

bool fits(const AuditQuery& query, const AuditRow& row) {
  const auto is_asked = [](const std::string& wanted, const std::string& found) {
    return wanted.empty() || wanted == found;
  };
  return row.who.find(query.who) != std::string::npos && is_asked(query.action, row.action) &&
         is_asked(query.kind, row.key.kind) && is_asked(query.name, row.key.name);
}

AuditRow row_of(const SqliteStatement& statement) {
  AuditRow row;
  row.sequence = static_cast<uint64_t>(statement.number(0));
  row.revision = static_cast<uint64_t>(statement.number(1));
  row.at = statement.number(2);
  row.who = statement.bytes(3);
  row.from = statement.bytes(4);
  row.action = statement.bytes(5);
  row.key = {statement.bytes(6), statement.bytes(7)};
  row.detail = statement.bytes(8);
  return row;
}

}  // namespace

Status add_audit(const SqliteConnection& connection, const std::vector<AuditRow>& rows,
                 uint64_t revision, size_t kept) {
  if (rows.empty()) return ok();
  SqliteStatement insert(
      connection,
      "INSERT INTO audit (revision, at, who, origin, action, kind, name, detail) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  for (const AuditRow& row : rows) {
    insert.bind(1, static_cast<int64_t>(revision))
        .bind(2, row.at)
        .bind(3, row.who)
        .bind(4, row.from)
        .bind(5, row.action)
        .bind(6, row.key.kind)
        .bind(7, row.key.name)
        .bind_blob(8, row.detail);
    if (const auto done = insert.run(); !done) return done;
  }
  // Sequences rise by one, so the oldest that stays is known without counting.
  SqliteStatement forget(
      connection, "DELETE FROM audit WHERE sequence <= (SELECT max(sequence) FROM audit) - ?");
  forget.bind(1, static_cast<int64_t>(kept));
  return forget.run();
}

// Time does not order the rows (clocks are set), so a row before `since` is passed over and does
// not end the search.
Result<AuditPage> read_audit(const SqliteConnection& connection, const AuditQuery& query) {
  constexpr int64_t kNewest = std::numeric_limits<int64_t>::max();
  SqliteStatement select(connection,
                         "SELECT sequence, revision, at, who, origin, action, kind, name, detail "
                         "FROM audit WHERE sequence < ? ORDER BY sequence DESC");
  select.bind(1,
              query.before_sequence == 0 ? kNewest : static_cast<int64_t>(query.before_sequence));
  AuditPage page;
  for (size_t seen = 0; page.rows.size() < query.limit && seen < kMostSeen; ++seen) {
    const auto found = select.step();
    if (!found) return found.error();
    if (!*found) return AuditPage{std::move(page.rows), 0};
    AuditRow row = row_of(select);
    page.before_sequence = row.sequence;
    if (row.at >= query.since && fits(query, row)) page.rows.push_back(std::move(row));
  }
  const auto more = select.step();
  if (!more) return more.error();
  if (!*more) page.before_sequence = 0;
  return page;
}

}  // namespace farspan::store
