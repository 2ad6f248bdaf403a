// SPDX-License-Identifier: Apache-2.0
#include "farspan/store/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

namespace farspan::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class SqliteStore : public testing::Test {
 protected:
  SqliteStore() {
    char name[] = "/tmp/farspan-store-XXXXXX";
    directory_ = mkdtemp(name);
    path_ = directory_ + "/store.db";
  }
  ~SqliteStore() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<Store> open(const SqliteOptions& options = {}) {
    auto store = open_sqlite(path_, options);
    EXPECT_TRUE(store.ok()) << store.error().text();
    return std::move(store).value();
  }
  static uint64_t commit(Store& store, Transaction transaction) {
    transaction.based_on = store.list()->revision;
    const auto revision = store.commit(transaction);
    EXPECT_TRUE(revision.ok()) << revision.error().text();
    return revision.ok() ? *revision : 0;
  }

  std::string directory_, path_;
};

Row vpc(const std::string& name, uint32_t number, const std::string& body = "b") {
  return {{"Vpc", name}, number, 0, body};
}

TEST_F(SqliteStore, ANewStoreIsEmptyAndPrivate) {
  const auto store = open();
  const auto contents = store->list();
  EXPECT_EQ(contents->revision, 0u);
  EXPECT_EQ(contents->next_number, 1u);
  EXPECT_THAT(contents->rows, SizeIs(0));
  struct stat file {};
  for (const char* suffix : {"", "-wal"}) {
    ASSERT_EQ(stat((path_ + suffix).c_str(), &file), 0) << suffix;
    EXPECT_EQ(file.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(SqliteStore, TwoTransactionsInARowSurviveReopening) {
  const std::string body("with \0 a zero", 13);
  {
    const auto store = open();
    EXPECT_EQ(commit(*store, {.puts = {vpc("a", 1), vpc("b", 2, body)}, .notes = {{"n", "1"}}}),
              1u);
    EXPECT_EQ(commit(*store, {.puts = {vpc("a", 1, "new")}}), 2u);
  }
  const auto contents = open()->list();
  EXPECT_EQ(contents->revision, 2u);
  EXPECT_EQ(contents->next_number, 3u);
  EXPECT_THAT(contents->rows,
              ElementsAre(Row{{"Vpc", "a"}, 1, 2, "new"}, Row{{"Vpc", "b"}, 2, 1, body}));
  EXPECT_EQ(contents->notes.at("n"), "1");
}

TEST_F(SqliteStore, ATransactionMadeOnAnOlderRevisionIsRefused) {
  const auto store = open();
  commit(*store, {.puts = {vpc("a", 1)}});
  const auto late = store->commit({.based_on = 0, .puts = {vpc("b", 2)}});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, ErrorCode::kConflict);
  EXPECT_FALSE(store->get({"Vpc", "b"})->has_value());
}

TEST_F(SqliteStore, ARefusedTransactionLeavesNothing) {
  const auto store = open();
  commit(*store, {.puts = {vpc("a", 1)}});
  const auto bad = store->commit({.based_on = 1,
                                  .puts = {vpc("b", 2)},
                                  .deletes = {{"Vpc", "a"}, {"Vpc", "no-such"}},
                                  .notes = {{"n", "1"}}});
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().resource, "Vpc no-such");
  const auto contents = store->list();
  EXPECT_EQ(contents->revision, 1u);
  EXPECT_THAT(contents->rows, ElementsAre(Row{{"Vpc", "a"}, 1, 1, "b"}));
  EXPECT_TRUE(contents->notes.empty());
}

TEST_F(SqliteStore, NumbersAreNeverGivenTwice) {
  {
    const auto store = open();
    commit(*store, {.puts = {vpc("a", 1), vpc("b", 2)}});
    commit(*store, {.deletes = {{"Vpc", "a"}, {"Vpc", "b"}}});
  }
  const auto store = open();
  EXPECT_EQ(store->list()->next_number, 3u);
  EXPECT_FALSE(store->commit({.based_on = 2, .puts = {vpc("c", 2)}}).ok());
  EXPECT_TRUE(store->commit({.based_on = 2, .puts = {vpc("c", 3)}}).ok());
  EXPECT_FALSE(store->commit({.based_on = 3, .puts = {vpc("c", 9)}}).ok()) << "c has number 3";
}

TEST_F(SqliteStore, AKeyMayStandOnceInATransaction) {
  const auto store = open();
  EXPECT_FALSE(store->commit({.based_on = 0, .puts = {vpc("a", 1), vpc("a", 1)}}).ok());
  EXPECT_EQ(store->list()->revision, 0u);
}

TEST_F(SqliteStore, HistoryTellsEveryChangeOnce) {
  const auto store = open();
  commit(*store, {.puts = {vpc("a", 1), vpc("b", 2)}});
  commit(*store, {.puts = {vpc("a", 1, "new")}, .deletes = {{"Vpc", "b"}}});
  EXPECT_THAT(*store->changes_after(1, 100), ElementsAre(Change{2, Action::kDelete, {"Vpc", "b"}},
                                                         Change{2, Action::kUpdate, {"Vpc", "a"}}));
  EXPECT_THAT(*store->changes_after(0, 1), SizeIs(2)) << "a transaction is not cut";
  EXPECT_THAT(*store->changes_after(2, 1), SizeIs(0));
  EXPECT_EQ(store->changes_after(3, 1).error().code, ErrorCode::kConflict) << "the future";
}

TEST_F(SqliteStore, OldHistoryIsCompactedByWholeTransactions) {
  const auto store = open({.kept_changes = 3});
  for (uint32_t i = 1; i <= 6; i += 2)
    commit(*store,
           {.puts = {vpc("v" + std::to_string(i), i), vpc("w" + std::to_string(i), i + 1)}});
  const auto compacted = store->changes_after(1, 100);
  ASSERT_FALSE(compacted.ok());
  EXPECT_EQ(compacted.error().code, ErrorCode::kConflict);
  EXPECT_THAT(compacted.error().what, HasSubstr("compacted"));
  EXPECT_THAT(*store->changes_after(2, 100), SizeIs(2));
}

TEST_F(SqliteStore, TheNewestTransactionIsKeptHoweverLargeItIs) {
  const auto store = open({.kept_changes = 3});
  commit(*store, {.puts = {vpc("first", 1)}});
  Transaction large;
  for (uint32_t i = 2; i <= 9; ++i) large.puts.push_back(vpc("v" + std::to_string(i), i));
  commit(*store, large);
  EXPECT_THAT(*store->changes_after(1, 100), SizeIs(8)) << "a watcher that had seen all before it";
  EXPECT_FALSE(store->changes_after(0, 100).ok());
}

TEST_F(SqliteStore, WatchersHearEachCommitUntilTheyLeave) {
  const auto store = open();
  std::vector<uint64_t> heard;
  auto subscription = store->watch([&](uint64_t revision) { heard.push_back(revision); });
  commit(*store, {.puts = {vpc("a", 1)}});
  (void)store->commit({.based_on = 0, .puts = {vpc("b", 2)}});  // refused: not heard
  commit(*store, {.puts = {vpc("b", 2)}});
  subscription.reset();
  commit(*store, {.puts = {vpc("c", 3)}});
  EXPECT_THAT(heard, ElementsAre(1u, 2u));
}

TEST_F(SqliteStore, ASecondProcessOrStoreIsRefusedByName) {
  const auto store = open();
  const auto second = open_sqlite(path_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().text(), HasSubstr("another process has it open"));
  EXPECT_THAT(second.error().resource, HasSubstr(path_));
}

TEST_F(SqliteStore, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(path_) << std::string(5000, 'x');
  const auto store = open_sqlite(path_);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(store.error().what, HasSubstr("not a SQLite database"));
}

TEST_F(SqliteStore, TheDatabaseOfAnotherProgramIsRefused) {
  sqlite3* db = nullptr;
  sqlite3_open(path_.c_str(), &db);
  sqlite3_exec(db, "CREATE TABLE foreign_things (x)", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  const auto store = open_sqlite(path_);
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(store.error().what, HasSubstr("another program"));
}

TEST_F(SqliteStore, ANewerAndAnOlderSchemaAreRefusedWithWhatToDo) {
  open().reset();
  for (const auto& [pragma, remedy] :
       {std::pair("PRAGMA user_version = 4", "or a newer one"),
        std::pair("PRAGMA user_version = 1", "with the older one write every kind to a file")}) {
    sqlite3* db = nullptr;
    sqlite3_open(path_.c_str(), &db);
    sqlite3_exec(db, pragma, nullptr, nullptr, nullptr);
    sqlite3_close(db);
    const auto store = open_sqlite(path_);
    ASSERT_FALSE(store.ok());
    EXPECT_EQ(store.error().field, "schema version");
    EXPECT_THAT(store.error().remedy, HasSubstr(remedy));
  }
}

TEST_F(SqliteStore, ADamagedFileIsRefused) {
  {
    const auto store = open();
    Transaction many;
    for (uint32_t i = 1; i < 500; ++i)
      many.puts.push_back(vpc("v" + std::to_string(i), i, std::string(300, 'b')));
    commit(*store, many);
  }
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  for (int page = 2; page < 20; ++page) {
    file.seekp(page * 4096);
    file << std::string(200, '\xff');
  }
  file.close();
  const auto store = open_sqlite(path_);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(store.error().what, HasSubstr("damaged"));
}

AuditRow did(const std::string& who, const std::string& action, const Key& key, int64_t at = 1) {
  AuditRow row;
  row.at = at;
  row.who = who;
  row.from = "192.0.2.7";
  row.action = action;
  row.key = key;
  row.detail = "[]";
  return row;
}

AuditQuery page_of(size_t limit, uint64_t before = 0) { return {"", "", "", "", 0, before, limit}; }
AuditQuery only(const std::string& who, const std::string& action = "",
                const std::string& kind = "", const std::string& name = "", int64_t since = 0) {
  return {who, action, kind, name, since, 0, 100};
}

std::vector<uint64_t> sequences(const AuditPage& page) {
  std::vector<uint64_t> numbers;
  for (const AuditRow& row : page.rows) numbers.push_back(row.sequence);
  return numbers;
}

TEST_F(SqliteStore, AChangeAndItsAuditAreThereTogetherOrNotAtAll) {
  {
    const auto store = open();
    commit(*store, {.puts = {vpc("a", 1)}, .audit = {did("ann", "create", {"Vpc", "a"})}});
    EXPECT_FALSE(store
                     ->commit({.based_on = 1,
                               .deletes = {{"Vpc", "no-such"}},
                               .audit = {did("ann", "delete", {"Vpc", "no-such"})}})
                     .ok());
    EXPECT_FALSE(store->commit({.based_on = 0, .audit = {did("bob", "late", {"Vpc", "a"})}}).ok());
  }
  const auto store = open();
  const auto page = store->audit({});
  ASSERT_THAT(page->rows, SizeIs(1));
  AuditRow expected = did("ann", "create", {"Vpc", "a"});
  expected.sequence = expected.revision = 1;
  EXPECT_EQ(page->rows[0], expected);
  EXPECT_EQ(page->before_sequence, 0u);
}

TEST_F(SqliteStore, WhatIsRecordedBesideResourcesMovesNoRevision) {
  const auto store = open();
  commit(*store, {.puts = {vpc("a", 1)}});
  ASSERT_TRUE(store->record({{"token/ci", "x"}}, {did("ann", "create", {"Token", "ci"})}).ok());
  EXPECT_EQ(store->list()->revision, 1u);
  EXPECT_EQ(store->list()->notes.at("token/ci"), "x");
  EXPECT_EQ(store->audit({})->rows[0].revision, 1u);
  ASSERT_TRUE(store->record({{"token/ci", ""}}, {}).ok());
  EXPECT_TRUE(store->list()->notes.empty());
}

TEST_F(SqliteStore, TheAuditIsPagedNewestFirstAndFiltered) {
  const auto store = open();
  std::vector<AuditRow> rows;
  for (int64_t i = 1; i <= 7; ++i)
    rows.push_back(did(i % 2 == 0 ? "ann" : "bob", i == 3 ? "delete" : "update",
                       {"Vpc", i < 5 ? "a" : "b"}, i * 1000));
  ASSERT_TRUE(store->record({}, rows).ok());
  const auto first = store->audit(page_of(3));
  EXPECT_THAT(sequences(*first), ElementsAre(7u, 6u, 5u));
  const auto second = store->audit(page_of(3, first->before_sequence));
  EXPECT_THAT(sequences(*second), ElementsAre(4u, 3u, 2u));
  const auto last = store->audit(page_of(3, second->before_sequence));
  EXPECT_THAT(sequences(*last), ElementsAre(1u));
  EXPECT_EQ(last->before_sequence, 0u);
  EXPECT_EQ(store->audit(page_of(7))->before_sequence, 0u) << "nothing is behind it";
  EXPECT_THAT(sequences(*store->audit(only("ann"))), ElementsAre(6u, 4u, 2u));
  EXPECT_THAT(sequences(*store->audit(only("", "delete"))), ElementsAre(3u));
  EXPECT_THAT(sequences(*store->audit(only("", "", "Vpc", "b"))), ElementsAre(7u, 6u, 5u));
  EXPECT_THAT(sequences(*store->audit(only("", "", "", "", 6000))), ElementsAre(7u, 6u));
  EXPECT_THAT(sequences(*store->audit(only("", "", "Node"))), SizeIs(0));
}

TEST_F(SqliteStore, TheOldestRowsOfTheAuditGo) {
  const auto store = open({.kept_audit = 4});
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(store->record({}, {did("ann", "x", {"", ""}), did("ann", "y", {"", ""})}).ok());
  EXPECT_THAT(sequences(*store->audit({})), ElementsAre(6u, 5u, 4u, 3u));
}

TEST_F(SqliteStore, AStoreWithoutAuditIsGivenOne) {
  {
    const auto store = open();
    commit(*store, {.puts = {vpc("a", 1)}});
  }
  sqlite3* db = nullptr;
  sqlite3_open(path_.c_str(), &db);
  sqlite3_exec(db, "DROP TABLE audit; DROP TABLE answers; PRAGMA user_version = 2", nullptr,
               nullptr, nullptr);
  sqlite3_close(db);
  const auto store = open();
  EXPECT_THAT(store->list()->rows, SizeIs(1));
  EXPECT_THAT(store->audit({})->rows, SizeIs(0));
  EXPECT_TRUE(store->record({}, {did("ann", "x", {"", ""})}).ok());
}

TEST_F(SqliteStore, ARowIsCalledOtherwiseAndKeepsItsNumber) {
  const auto store = open();
  commit(*store, {.puts = {vpc("a", 1), vpc("b", 2)}});
  commit(*store, {.puts = {vpc("c", 1, "new")}, .renames = {{{"Vpc", "a"}, "c"}}});
  EXPECT_THAT(store->list()->rows,
              ElementsAre(Row{{"Vpc", "b"}, 2, 1, "b"}, Row{{"Vpc", "c"}, 1, 2, "new"}));
  EXPECT_THAT(*store->changes_after(1, 9), ElementsAre(Change{2, Action::kDelete, {"Vpc", "a"}},
                                                       Change{2, Action::kCreate, {"Vpc", "c"}},
                                                       Change{2, Action::kUpdate, {"Vpc", "c"}}));
  EXPECT_FALSE(store->commit({.based_on = 2, .renames = {{{"Vpc", "b"}, "c"}}}).ok()) << "taken";
  EXPECT_FALSE(store->commit({.based_on = 2, .renames = {{{"Vpc", "x"}, "y"}}}).ok()) << "nobody";
  EXPECT_EQ(store->list()->revision, 2u);
}

TEST_F(SqliteStore, AnswersAreKeptWithTheirChange) {
  const auto store = open({.kept_answers = 2});
  for (uint32_t i = 1; i <= 3; ++i)
    commit(*store, {.puts = {vpc("v" + std::to_string(i), i)},
                    .answer = KeptAnswer{"ann", std::to_string(i), "digest", "answer"}});
  EXPECT_FALSE(store->answer_to("ann", "1")->has_value()) << "the oldest went";
  EXPECT_EQ((*store->answer_to("ann", "3"))->answer, "answer");
  EXPECT_FALSE(store->answer_to("bob", "3")->has_value()) << "another's";
  EXPECT_FALSE(store
                   ->commit({.based_on = 3,
                             .puts = {vpc("w", 4)},
                             .answer = KeptAnswer{"ann", "3", "digest", "answer"}})
                   .ok())
      << "a key is used once";
  EXPECT_EQ(store->list()->revision, 3u);
}

// The child commits transactions of 300 rows as fast as it can and says each revision after its
// commit returned; it is killed at a random moment, often inside a transaction.
TEST_F(SqliteStore, KilledAtAnyMomentItKeepsWhatWasAnsweredAndNothingHalf) {
  std::mt19937 random(7);
  uint64_t revisions_so_far = 0;
  for (int round = 0; round < 8; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto store = open_sqlite(path_);
      if (!store.ok()) _exit(1);
      for (;;) {
        Transaction transaction{.based_on = (*store)->list()->revision};
        const std::string body = std::to_string(transaction.based_on + 1);
        for (uint32_t i = 1; i <= 300; ++i)
          transaction.puts.push_back(vpc("v" + std::to_string(i), i, body));
        transaction.audit = {did(body, "update", {"Vpc", "v1"})};
        const auto revision = (*store)->commit(transaction);
        if (!revision.ok()) _exit(1);
        const uint64_t answered = *revision;
        if (write(pipe_ends[1], &answered, sizeof answered) != sizeof answered) _exit(1);
      }
    }
    close(pipe_ends[1]);
    uint64_t answered = 0;
    ASSERT_EQ(read(pipe_ends[0], &answered, sizeof answered), ssize_t{sizeof answered});
    usleep(static_cast<useconds_t>(random() % 30'000));  // a random moment, not a wait
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (uint64_t more; read(pipe_ends[0], &more, sizeof more) == ssize_t{sizeof more};)
      answered = more;
    close(pipe_ends[0]);

    const auto store = open();
    const auto contents = store->list();
    EXPECT_EQ(store->audit({})->rows[0].who, std::to_string(contents->revision));
    EXPECT_GE(contents->revision, answered);
    EXPECT_LE(contents->revision, answered + 1);
    EXPECT_GT(contents->revision, revisions_so_far);
    revisions_so_far = contents->revision;
    ASSERT_THAT(contents->rows, SizeIs(300));
    for (const Row& row : contents->rows) ASSERT_EQ(row.body, std::to_string(contents->revision));
  }
}

}  // namespace
}  // namespace farspan::store
