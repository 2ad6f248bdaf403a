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

/// Of the states, by node.
using Digests = std::map<std::string, nodestate::wire::StateDigest>;

/// What is to be noted of the states that `rebuilt` changed from `standing`; an empty value takes a
/// note away. `digests` follows.
Notes notes_of(const compiler::Rebuilt& rebuilt, const NodeStates& standing, Digests& digests);

/// After a start: gives each of `states` whose digest is noted the noted generation, the others
/// `generation`; returns what is to be noted of these.
Notes number_from_notes(NodeStates& states, Digests& digests, const Notes& notes,
                        uint64_t generation);

/// Gives the state of `node` another number. @pre it is in `states`
Notes renumber(NodeStates& states, const std::string& node, uint64_t generation);

/// Applies `changes` to `notes`, as the store did.
void remember(Notes& notes, const Notes& changes);

/// How many rows of each node's state change; nodes without a change are left out.
std::vector<NodeChange> changes_of(const compiler::Rebuilt& rebuilt, const NodeStates& standing);

}  // namespace farspan::controller
