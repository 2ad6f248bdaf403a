// SPDX-License-Identifier: Apache-2.0
// TableBuilder: how a batch of the agent becomes the next Tables snapshot.
//
// A batch is applied to a copy of the intent (plain maps), the result is checked as a whole, and
// only a result without fault replaces the intent and becomes a snapshot: whole or nothing. Route
// tables are copied only when a batch writes to them and compiled only when they changed.
//
// Checked: malformed or IPv6 addresses, rows that name a missing row, two rows of one id, labels
// outside 16 … 2^20 - 1 or given to two VRFs, descriptors that do not match the rows. Every refusal
// names the row.
//
// Not here: bytes (tables_server.h), when workers see it (published.h).
// Threads: the control thread.
#pragma once

#include <memory>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/dataplane/control/tables.h"

namespace farspan::v1 {
class TablesBatch;
}

namespace farspan::dataplane {

struct Intent;

class TableBuilder {
 public:
  TableBuilder();
  ~TableBuilder();
  TableBuilder(const TableBuilder&) = delete;
  TableBuilder& operator=(const TableBuilder&) = delete;

  /// The snapshot of an empty node: version 1, generation 0.
  std::unique_ptr<const Tables> first();

  /// Applies `batch`. The descriptors of its ports are taken, and closed when it is refused.
  /// @param fds  one for each row of `ports` with has_fd, in the order of the rows
  Result<std::unique_ptr<const Tables>> apply(const v1::TablesBatch& batch,
                                              std::vector<UniqueFd> fds);

  /// The snapshot without the descriptor of `port`, whose device died; nullptr when the port has
  /// none, or another one by now.
  /// @param device  of the snapshot in which it died; only compared
  std::unique_ptr<const Tables> drop_tap(PortId port, const UniqueFd* device);

 private:
  std::unique_ptr<const Tables> compile();

  std::unique_ptr<Intent> intent_;
  uint32_t version_ = 0;
};

}  // namespace farspan::dataplane
