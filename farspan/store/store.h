// SPDX-License-Identifier: Apache-2.0
// Store: where declared resources are kept, and what a commit promises.
//
// The store knows kinds and names but not what a body says: bodies are opaque bytes of the caller,
// so that neither schema nor secrets are this folder's business. One writer at a time wins by
// revision: a transaction names the revision it was made on and is refused with kConflict when
// another one came first, which is also how several controllers can share one store.
//
//   revision     +1 for every committed transaction; all its changes carry it
//   number       given by the caller from next_number on when a resource is created; never again
//   note         a small value of the caller's beside the resources (generations of nodes, tokens),
//                without history
//   audit        who did what from where; a row is written in the transaction of what it tells of,
//   so
//                that there is never one without the other
//
// Not here: SQLite (sqlite_store.h), what bodies mean (documents/stored.h).
// Threads: every function may be called from any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/store/listeners.h"

namespace farspan::store {

struct Key {
  std::string kind;  // "Vpc"
  std::string name;
  auto operator<=>(const Key&) const = default;
};

struct Row {
  Key key;
  uint32_t number = 0;
  uint64_t revision = 0;  // of its last change; given by the store
  std::string body;
  bool operator==(const Row&) const = default;
};

/// Everything at one revision.
struct Contents {
  uint64_t revision = 0;
  uint32_t next_number = 1;
  std::vector<Row> rows;  // by key
  std::map<std::string, std::string> notes;
};

/// One thing that somebody did, to one resource or to something else that has a kind and a name.
struct AuditRow {
  uint64_t sequence = 0;  // given by the store, rising
  uint64_t revision = 0;  // given by the store: that of the change, or the latest when it was none
  int64_t at = 0;         // milliseconds since 1970, UTC
  std::string who;        // "token ci"
  std::string from;       // "192.0.2.7"
  std::string action;     // "update", "export", …
  Key key;
  std::string detail;  // of the caller: what of it changed, without secrets
  bool operator==(const AuditRow&) const = default;
};

/// Which rows of the audit; an empty text: any.
struct AuditQuery {
  std::string who;  // a part of it
  std::string action, kind, name;
  int64_t since = 0;             // milliseconds since 1970
  uint64_t before_sequence = 0;  // older than this one; 0: from the newest on
  size_t limit = 100;
};

struct AuditPage {
  std::vector<AuditRow> rows;  // the newest first
  /// Go on with rows before this one; 0: there are no more. A page may end before its limit, so
  /// that a search for rare rows keeps no commit waiting for long.
  uint64_t before_sequence = 0;
};

/// A row that is called otherwise from now on; its number stays.
struct Rename {
  Key from;
  std::string to;
};

/// What a change was answered with, kept so that whoever did not get the answer may ask again
/// without changing anything twice.
struct KeptAnswer {
  std::string owner, key;  // who asked, and the word that they chose
  std::string request;     // a digest of what was asked
  std::string answer;      // of the caller
};

struct Transaction {
  uint64_t based_on = 0;  // the revision it was made on
  /// A new key brings a number from next_number on; a standing one keeps its number.
  std::vector<Row> puts = {};
  std::vector<Key> deletes = {};
  std::vector<Rename> renames = {};               // done after deletes, before puts
  std::map<std::string, std::string> notes = {};  // set, or removed when the value is empty
  std::vector<AuditRow> audit = {};
  std::optional<KeptAnswer> answer = {};

  bool empty() const { return puts.empty() && deletes.empty() && renames.empty() && notes.empty(); }
};

enum class Action : uint8_t { kCreate, kUpdate, kDelete };

struct Change {
  uint64_t revision = 0;
  Action action = Action::kCreate;
  Key key;
  bool operator==(const Change&) const = default;
};

class Store {
 public:
  virtual ~Store() = default;

  /// The row of `key`, or nothing.
  virtual Result<std::optional<Row>> get(const Key& key) = 0;
  virtual Result<Contents> list() = 0;

  /// Makes all changes of `transaction` or none; when it returns they survive a power cut.
  /// @return the new revision, or
  ///   - kConflict  another transaction came after `based_on`
  ///   - kInvalid   a number was used before, a key stands twice, a deleted key does not exist
  ///   - kUnavailable  the disk or another process is in the way; nothing was changed
  virtual Result<uint64_t> commit(const Transaction& transaction) = 0;

  /// Sets or removes notes and adds rows to the audit, all or none: what is no change of resources.
  /// The revision stays what it is.
  virtual Status record(const std::map<std::string, std::string>& notes,
                        const std::vector<AuditRow>& audit) = 0;

  virtual Result<AuditPage> audit(const AuditQuery& query) = 0;

  /// The kept answer to `key` of `owner`; nothing when there is none any more.
  virtual Result<std::optional<KeptAnswer>> answer_to(const std::string& owner,
                                                      const std::string& key) = 0;

  /// The changes after `revision`, oldest first, whole transactions, about `limit` of them.
  /// kConflict when `revision` is older than the kept history or newer than the store: list again.
  virtual Result<std::vector<Change>> changes_after(uint64_t revision, size_t limit) = 0;

  /// Calls `listener` with the new revision after each commit of this process, on the committing
  /// thread; it must not block or call back into the store.
  virtual std::unique_ptr<Subscription> watch(Listener listener) = 0;
};

}  // namespace farspan::store
