// SPDX-License-Identifier: Apache-2.0
// TableBuilder: how a batch of the agent becomes the next Tables snapshot.
//
// A batch is read into the intent in place, checked by its own rows, and taken back when something
// is wrong with it: whole or nothing. What it changed is written into a draft of the tables, of
// which the snapshot is a copy that shares all else with the one before. So a batch costs its rows.
//
// Checked: malformed or IPv6 addresses, rows that name a missing row, two rows of one id, labels
// outside 16 … 2^20 - 1 or given to two VRFs, descriptors that do not match the rows. Every refusal
// names the row.
//
// Not here: bytes (tables_server.h), when workers see it (published.h).
// Threads: one, which also frees the snapshots.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/dataplane/control/tables.h"

namespace farspan::v1 {
class TablesBatch;
}

namespace farspan::dataplane {

struct Intent;
struct VrfRow;

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
  using Groups = std::vector<uint32_t>;
  struct ChangedTable {
    VrfIndex vrf;
    std::pair<VrfId, TableKind> owner;
    std::vector<Prefix4> prefixes;  // of the routes that changed, or one that covers them
  };

  TablesVersion next_version() const { return TablesVersion(draft_.version.value() + 1); }

  std::unique_ptr<const Tables> publish();
  void compile();
  void compile_vrfs();
  void compile_tunnels();
  void compile_peer(uint32_t remote);
  void compile_ports();
  void compile_port(PortId id);
  const VrfRow& row_or_before(VrfId id) const;
  std::vector<ChangedTable> changed_tables() const;
  std::shared_ptr<const RuleSet> rule_set_of(const Groups& groups);

  std::unique_ptr<Intent> intent_;
  Tables draft_;
  std::map<Groups, std::weak_ptr<const RuleSet>> rule_sets_;  // ports of the same groups share one
  size_t forget_at_ = 0;  // how many rule sets, before those that no port has are looked for
};

}  // namespace farspan::dataplane
