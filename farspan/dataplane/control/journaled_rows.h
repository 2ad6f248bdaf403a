// SPDX-License-Identifier: Apache-2.0
// JournaledRows: the rows of one kind, and what a batch made of them so far.
//
// Rows are changed in place; what was there before the batch is kept beside them until the batch is
// accepted (commit) or refused (undo), so both cost the rows of the batch. A row has a place in the
// arrays of Tables for as long as it exists. One that is removed and comes back in the same batch
// keeps it; no other row gets a place that the batch made vacant.
//
// Threads: the one that makes tables.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "farspan/base/check.h"

namespace farspan::dataplane {

/// @tparam Row  has `uint32_t index` when rows of this kind have places
template <class Id, class Row>
class JournaledRows {
 public:
  using Before = std::map<Id, std::optional<Row>>;

  const std::map<Id, Row>& all() const { return rows_; }
  /// The row; null when there is none.
  const Row* find(Id id) const {
    const auto found = rows_.find(id);
    return found == rows_.end() ? nullptr : &found->second;
  }
  /// Rows the batch wrote or removed, as they were before it; nothing: the row is new.
  const Before& before() const { return before_; }

  /// The row for writing; made when there is none.
  Row& write(Id id) {
    remember(id);
    const auto [row, is_new] = rows_.try_emplace(id);
    if constexpr (kHasPlaces) {
      if (is_new) row->second.index = place_for(before_.at(id));
    }
    return row->second;
  }
  void erase(Id id) {
    if (!rows_.contains(id)) return;
    remember(id);
    if constexpr (kHasPlaces) {
      if (!before_.at(id)) vacant_.insert(rows_.at(id).index);
    }
    rows_.erase(id);
  }

  void commit() {
    if constexpr (kHasPlaces) {
      for (const auto& [id, row] : before_) {
        if (row && !rows_.contains(id)) vacant_.insert(row->index);
      }
    }
    before_.clear();
  }
  void undo() {
    for (auto& [id, row] : before_) {
      if (row) {
        rows_.insert_or_assign(id, std::move(*row));
      } else if (rows_.contains(id)) {
        if constexpr (kHasPlaces) vacant_.insert(rows_.at(id).index);
        rows_.erase(id);
      }
    }
    before_.clear();
  }

 private:
  static constexpr bool kHasPlaces = requires(Row row) { row.index; };

  void remember(Id id) {
    const auto [at, is_first] = before_.try_emplace(id);
    if (!is_first) return;
    if (const auto row = rows_.find(id); row != rows_.end()) at->second = row->second;
  }
  uint32_t place_for(const std::optional<Row>& before) {
    if (before) return before->index;
    if (vacant_.empty()) return places_++;
    return vacant_.extract(vacant_.begin()).value();
  }

  std::map<Id, Row> rows_;
  Before before_;
  std::set<uint32_t> vacant_;  // places below places_ that no row has
  uint32_t places_ = 0;
};

}  // namespace farspan::dataplane
