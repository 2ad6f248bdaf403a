// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/generations.h"

#include "farspan/nodestate/delta.h"
#include "farspan/nodestate/wire/wire.h"

namespace farspan::controller {
namespace {

using nodestate::NodeState;
using nodestate::wire::digest_of;

const std::string kPrefix = "node/";

std::string note_of(uint64_t generation, const std::string& digest) {
  return std::to_string(generation) + " " + digest;
}

std::shared_ptr<const NodeState> numbered(NodeState state, uint64_t generation) {
  state.generation = generation;
  return std::make_shared<const NodeState>(std::move(state));
}

template <class Changes, class Table>
void count(const Changes& changes, const Table& before, NodeChange& change) {
  change.removed += changes.removals.size();
  for (const auto& [key, row] : changes.upserts)
    ++(before.contains(key) ? change.changed : change.added);
}

const NodeState& state_in(const NodeStates& states, const std::string& node) {
  static const NodeState kNothing;
  const auto found = states.find(node);
  return found == states.end() ? kNothing : *found->second;
}

}  // namespace

Notes notes_of(const compiler::Rebuilt& rebuilt, const NodeStates& standing, Digests& digests) {
  Notes notes;
  for (const auto& [node, delta] : rebuilt.deltas) {
    const auto made = rebuilt.network.states.find(node);
    if (made == rebuilt.network.states.end()) {
      digests.erase(node);
      notes.emplace(kPrefix + node, "");
      continue;
    }
    auto& digest = digests[node];
    digest.follow(state_in(standing, node), delta);
    notes.emplace(kPrefix + node, note_of(made->second->generation, digest.text(node)));
  }
  return notes;
}

Notes number_from_notes(NodeStates& states, Digests& digests, const Notes& notes,
                        uint64_t generation) {
  Notes changes;
  for (auto& [node, state] : states) {
    const auto& digest = digests.emplace(node, *state).first->second;
    const std::string text = digest.text(node);
    const auto noted = notes.find(kPrefix + node);
    uint64_t known = 0;
    if (noted != notes.end()) {
      const size_t space = noted->second.find(' ');
      if (space != std::string::npos && noted->second.substr(space + 1) == text)
        known = std::strtoull(noted->second.c_str(), nullptr, 10);
    }
    if (known == 0) changes.emplace(kPrefix + node, note_of(generation, text));
    state = numbered(*state, known == 0 ? generation : known);
  }
  return changes;
}

Notes renumber(NodeStates& states, const std::string& node, uint64_t generation) {
  auto& state = states.at(node);
  state = numbered(*state, generation);
  return {{kPrefix + node, note_of(generation, digest_of(*state))}};
}

void remember(Notes& notes, const Notes& changes) {
  for (const auto& [name, value] : changes) {
    if (value.empty())
      notes.erase(name);
    else
      notes[name] = value;
  }
}

std::vector<NodeChange> changes_of(const compiler::Rebuilt& rebuilt, const NodeStates& standing) {
  std::vector<NodeChange> changes;
  for (const auto& [node, delta] : rebuilt.deltas) {
    const NodeState& before = state_in(standing, node);
    NodeChange change{node, 0, 0, 0};
    count(delta.vrfs, before.vrfs, change);
    count(delta.ports, before.ports, change);
    count(delta.security_groups, before.security_groups, change);
    count(delta.tunnels, before.tunnels, change);
    count(delta.routes, before.routes, change);
    if (change.added + change.changed + change.removed > 0) changes.push_back(change);
  }
  return changes;
}

}  // namespace farspan::controller
