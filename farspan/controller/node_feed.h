// SPDX-License-Identifier: Apache-2.0
// NodeFeed: which delta does one connected node get next?
//
//   Hello(generation) ─ equal ──▶ nothing         one delta is outstanding at a time:
//                     └ other ──▶ snapshot ─┐     what is published while the node works
//   publish ───────────▶ increment ─────────┤     waits, and is sent as one increment
//                 InForce(generation) ◀─────┘     from the state that the node
//                                                 acknowledged to the newest one
//
//
// Not here: writing it (node_session.cpp).
// Threads: one at a time; the session's lock.
#pragma once

#include <memory>
#include <optional>

#include "farspan/nodestate/delta.h"
#include "farspan/nodestate/node_state.h"

namespace farspan::controller {

class NodeFeed {
 public:
  /// @param on_disk  the generation of the node's Hello; 0: it has nothing
  explicit NodeFeed(uint64_t on_disk) : on_disk_(on_disk) {}

  /// The delta that leads to `wanted`, or nothing: the node has it, or still works on the last
  /// delta.
  std::optional<nodestate::Delta> next(std::shared_ptr<const nodestate::NodeState> wanted);

  /// The node said that `generation` is in force.
  void acknowledge(uint64_t generation);

  /// True once the node said that it has generation `generation` or had it from the start.
  bool has(uint64_t generation) const {
    return told_ != nullptr && !is_outstanding_ && told_->generation == generation;
  }

 private:
  uint64_t on_disk_;
  std::shared_ptr<const nodestate::NodeState> told_;  // null until the first answer to Hello
  bool is_outstanding_ = false;
};

}  // namespace farspan::controller
