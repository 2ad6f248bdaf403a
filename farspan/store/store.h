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
//   note         a small value of the caller's beside the resources (generations of nodes),
//                without history
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

struct Transaction {
  uint64_t based_on = 0;  // the revision it was made on
  /// A new key brings a number from next_number on; a standing one keeps its number.
  std::vector<Row> puts = {};
  std::vector<Key> deletes = {};
  std::map<std::string, std::string> notes = {};  // set, or removed when the value is empty

  bool empty() const { return puts.empty() && deletes.empty() && notes.empty(); }
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

  /// The changes after `revision`, oldest first, whole transactions, about `limit` of them.
  /// kConflict when `revision` is older than the kept history or newer than the store: list again.
  virtual Result<std::vector<Change>> changes_after(uint64_t revision, size_t limit) = 0;

  /// Calls `listener` with the new revision after each commit of this process, on the committing
  /// thread; it must not block or call back into the store.
  virtual std::unique_ptr<Subscription> watch(Listener listener) = 0;
};

}  // namespace farspan::store
