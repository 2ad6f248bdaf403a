// SPDX-License-Identifier: Apache-2.0
// RouteTable: the routes of one table of one VRF, and the FibTable versions that are made of them.
//
// A route is kept where the trie has it, so that a change touches one node and the way to it,
// however many routes there are: /1 … /16 in the root, /17 … /24 and /25 … /32 in nodes of eight
// bits, /0 beside them. publish() makes a table that differs from the last one in what was changed
// since.
//
//   set(), set(), …  ─▶ changed nodes ─▶ publish() ─▶ FibTable, sharing all other nodes
//
// Not here: lookups (fib_table.h), where nodes go that are replaced (trie_writer.h).
// Threads: one, which also frees the tables.
#pragma once

#include <bitset>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "farspan/dataplane/fib/fib_table.h"
#include "farspan/dataplane/fib/node_routes.h"
#include "farspan/dataplane/fib/trie_writer.h"

namespace farspan::dataplane {

struct RouteKey {
  Prefix4 destination;
  std::optional<Prefix4> source;  // only packets from here
  auto operator<=>(const RouteKey&) const = default;
};

class RouteTable {
 public:
  RouteTable() = default;
  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  size_t size() const { return routes_; }
  /// Where the route with exactly this key leads; kNone when there is none.
  Adjacency find(const RouteKey& key) const;
  /// Makes the route of `key` lead to `adjacency`; kNone takes it away.
  void set(const RouteKey& key, Adjacency adjacency);
  /// Every route, in no order.
  void for_each(const std::function<void(const RouteKey&, Adjacency)>& visit) const;

  /// The table of the present routes. Costs the nodes that changed since the last one, and 32 KiB.
  std::shared_ptr<const FibTable> publish();

 private:
  using BySource = FibTable::BySource;
  struct PolicyRoutes {
    uint32_t number = 0;  // in policies_
    Adjacency plain;
    std::shared_ptr<const std::vector<BySource>> by_source;  // longest first; never null
  };
  struct Middle {  // of one slot of the root
    NodeRoutes own;
    std::vector<std::pair<uint8_t, NodeRoutes>> below;  // by slot
    std::array<uint64_t, kNodeWords> changed{};         // slots of `below`
    bool is_own_changed = false, is_changed = false;

    NodeRoutes& below_at(uint32_t slot);
    const NodeRoutes* find_below(uint32_t slot) const;
  };
  struct Destination {
    Prefix4 prefix;
    Adjacency leaf;
  };

  Adjacency leaf_at(const Prefix4& destination) const;
  void set_leaf(const Prefix4& destination, Adjacency leaf);
  void set_by_source(PolicyRoutes& policy, const Prefix4& source, Adjacency adjacency);
  PolicyRoutes& policy_at(const Prefix4& destination);
  void changed_top(const Prefix4& destination);
  void changed_middle(uint32_t slot, Middle& middle);
  void changed_all();
  std::vector<Destination> destinations() const;

  void write_ranges(FibTable& table);
  void write_trie(FibTable& table);
  bool write_middle(uint32_t slot, FibNode& node);
  void write_node(FibNode& node, const NodeRoutes& routes);
  void write_top_leaves(FibWord& word, uint32_t number);
  Adjacency linked(Adjacency leaf, Adjacency covering);

  size_t routes_ = 0, destinations_ = 0;
  Adjacency everywhere_;
  std::map<Prefix4, Adjacency> top_;
  std::unordered_map<uint32_t, Middle> middles_;  // by slot of the root
  std::map<Prefix4, PolicyRoutes> by_source_;
  std::vector<const PolicyRoutes*> policy_by_number_;
  std::vector<uint32_t> vacant_numbers_;

  // since the last table
  std::bitset<kRootWords> changed_words_;
  std::vector<uint32_t> changed_middles_;

  TrieWriter writer_;
  SharedArray<FibTable::Policy> policies_;
  std::shared_ptr<const FibTable> last_;
};

}  // namespace farspan::dataplane
