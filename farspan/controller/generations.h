// SPDX-License-Identifier: Apache-2.0
// Generations: which number does each node's state carry?
//
// A generation is the revision at which the node's state last changed. It is noted in the store
// with a digest of the state, so that after a restart a node that already has this state is left
// alone, and so that a state that comes out differently from a newer compiler is not taken for the
// old one.
//
// Threads: pure functions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "farspan/controller/controller.h"

namespace farspan::controller {

using Notes = std::map<std::string, std::string>;

struct Generations {
  NodeStates states;
  Notes new_notes;  // to be committed before the states are told; an empty value takes a note away
};

/// Compiled states after a change: those equal to `standing` are the standing ones, the others get
/// `generation`.
Generations next_generations(std::map<std::string, nodestate::NodeState> compiled,
                             const NodeStates& standing, uint64_t generation);

/// Compiled states after a start: those whose digest is noted get the noted generation, the others
/// `generation`.
Generations generations_from_notes(std::map<std::string, nodestate::NodeState> compiled,
                                   const Notes& notes, uint64_t generation);

/// `standing`, in which the state of `node` is called `generation`. @pre `node` is in `standing`
Generations renumbered(const NodeStates& standing, const std::string& node, uint64_t generation);

/// Applies `changes` to `notes`, as the store did.
void remember(Notes& notes, const Notes& changes);

/// How many rows of each node's state change; nodes without a change are left out.
std::vector<NodeChange> changes_between(const NodeStates& from, const NodeStates& to);

}  // namespace farspan::controller
