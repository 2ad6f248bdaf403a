// SPDX-License-Identifier: Apache-2.0
// Each operation is written once, for one table, and visited over the five (each_table), so that a
// sixth table is one line here and cannot be forgotten in one of the operations.
#include "farspan/nodestate/delta.h"

#include <utility>

#include "farspan/base/check.h"

namespace farspan::nodestate {
namespace {

/// Calls visit(table of a NodeState, table of a Delta) with pointers to members, for every kind of
/// row.
template <class Visit>
void each_table(Visit visit) {
  visit(&NodeState::vrfs, &Delta::vrfs);
  visit(&NodeState::ports, &Delta::ports);
  visit(&NodeState::security_groups, &Delta::security_groups);
  visit(&NodeState::tunnels, &Delta::tunnels);
  visit(&NodeState::routes, &Delta::routes);
}

template <class Table>
using DeltaOf = TableDelta<typename Table::key_type, typename Table::mapped_type>;

template <class Table>
DeltaOf<Table> diff_table(const Table& from, const Table& to) {
  DeltaOf<Table> delta;
  Table::differences(from, to, [&](const auto& key, const auto*, const auto* row) {
    if (row == nullptr)
      delta.removals.insert(key);
    else
      delta.upserts.emplace(key, *row);
  });
  return delta;
}

// Removing what is not there is no error: a merged delta removes rows that came and went in
// between.
template <class Table>
void apply_table(Table& table, const DeltaOf<Table>& delta) {
  if (table.empty()) {
    table = Table::from_sorted({delta.upserts.begin(), delta.upserts.end()});
    return;
  }
  for (const auto& key : delta.removals) table.erase(key);
  for (const auto& [key, row] : delta.upserts) table.insert_or_assign(key, row);
}

// The later word about a key wins.
template <class Key, class Row>
TableDelta<Key, Row> merge_table(TableDelta<Key, Row> merged, const TableDelta<Key, Row>& second) {
  for (const Key& key : second.removals) {
    merged.upserts.erase(key);
    merged.removals.insert(key);
  }
  for (const auto& [key, row] : second.upserts) {
    merged.removals.erase(key);
    merged.upserts.insert_or_assign(key, row);
  }
  return merged;
}

Error conflict(const NodeState& state, std::string what) {
  return {ErrorCode::kConflict, "Node " + state.node, "generation", std::move(what),
          "ask for a snapshot"};
}

}  // namespace

bool Delta::empty() const {
  bool is_empty = !is_snapshot;
  each_table([&](auto, auto table) { is_empty = is_empty && (this->*table).empty(); });
  return is_empty;
}

Delta diff(const NodeState& from, const NodeState& to) {
  FS_CHECK(from.node == to.node || from.node.empty());  // an empty state belongs to nobody yet
  Delta delta;
  delta.node = to.node;
  delta.from_generation = from.generation;
  delta.to_generation = to.generation;
  each_table([&](auto rows, auto changes) { delta.*changes = diff_table(from.*rows, to.*rows); });
  return delta;
}

Delta snapshot(const NodeState& state) {
  Delta delta;
  delta.is_snapshot = true;
  delta.node = state.node;
  delta.to_generation = state.generation;
  each_table([&](auto rows, auto changes) {
    (delta.*changes).upserts = {(state.*rows).begin(), (state.*rows).end()};
  });
  return delta;
}

Result<NodeState> apply(const NodeState& state, const Delta& delta) {
  if (!state.node.empty() && delta.node != state.node) {
    return conflict(state, "a delta of Node " + delta.node);
  }
  if (!delta.is_snapshot && delta.from_generation != state.generation) {
    return conflict(state, std::to_string(state.generation) +
                               " is in force, the increment starts at " +
                               std::to_string(delta.from_generation));
  }
  NodeState next = delta.is_snapshot ? NodeState{} : state;
  next.node = delta.node;
  next.generation = delta.to_generation;
  each_table([&](auto rows, auto changes) { apply_table(next.*rows, delta.*changes); });
  return next;
}

Delta merge(const Delta& first, const Delta& second) {
  if (second.is_snapshot) return second;
  FS_CHECK(first.to_generation == second.from_generation);
  Delta merged;
  merged.is_snapshot = first.is_snapshot;
  merged.node = second.node;
  merged.from_generation = first.from_generation;
  merged.to_generation = second.to_generation;
  each_table([&](auto, auto changes) {
    merged.*changes = merge_table(first.*changes, second.*changes);
    if (merged.is_snapshot)
      (merged.*changes).removals.clear();  // what a snapshot leaves out is gone anyway
  });
  return merged;
}

}  // namespace farspan::nodestate
