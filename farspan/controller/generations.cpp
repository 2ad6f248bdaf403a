// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/generations.h"

#include <set>

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

template <class Key, class Row>
void count(const nodestate::TableDelta<Key, Row>& delta, const std::map<Key, Row>& before,
           NodeChange& change) {
  change.removed += delta.removals.size();
  for (const auto& [key, row] : delta.upserts)
    ++(before.contains(key) ? change.changed : change.added);
}

NodeChange change_between(const NodeState& from, const NodeState& to) {
  NodeChange change{to.node, 0, 0, 0};
  const nodestate::Delta delta = nodestate::diff(from, to);
  count(delta.vrfs, from.vrfs, change);
  count(delta.ports, from.ports, change);
  count(delta.security_groups, from.security_groups, change);
  count(delta.tunnels, from.tunnels, change);
  count(delta.routes, from.routes, change);
  return change;
}

}  // namespace

Generations next_generations(std::map<std::string, NodeState> compiled, const NodeStates& standing,
                             uint64_t generation) {
  Generations next;
  for (auto& [node, state] : compiled) {
    const auto before = standing.find(node);
    if (before != standing.end()) {
      state.generation = before->second->generation;
      if (state == *before->second) {
        next.states.emplace(node, before->second);
        continue;
      }
    }
    auto made = numbered(std::move(state), generation);
    next.new_notes.emplace(kPrefix + node, note_of(generation, digest_of(*made)));
    next.states.emplace(node, std::move(made));
  }
  for (const auto& [node, state] : standing)
    if (!next.states.contains(node)) next.new_notes.emplace(kPrefix + node, "");
  return next;
}

Generations generations_from_notes(std::map<std::string, NodeState> compiled, const Notes& notes,
                                   uint64_t generation) {
  Generations first;
  for (auto& [node, state] : compiled) {
    const std::string digest = digest_of(state);
    const auto noted = notes.find(kPrefix + node);
    uint64_t known = 0;
    if (noted != notes.end()) {
      const size_t space = noted->second.find(' ');
      if (space != std::string::npos && noted->second.substr(space + 1) == digest)
        known = std::strtoull(noted->second.c_str(), nullptr, 10);
    }
    if (known == 0) first.new_notes.emplace(kPrefix + node, note_of(generation, digest));
    first.states.emplace(node, numbered(std::move(state), known == 0 ? generation : known));
  }
  return first;
}

Generations renumbered(const NodeStates& standing, const std::string& node, uint64_t generation) {
  Generations next{standing, {}};
  auto& state = next.states.at(node);
  state = numbered(*state, generation);
  next.new_notes.emplace(kPrefix + node, note_of(generation, digest_of(*state)));
  return next;
}

void remember(Notes& notes, const Notes& changes) {
  for (const auto& [name, value] : changes) {
    if (value.empty())
      notes.erase(name);
    else
      notes[name] = value;
  }
}

std::vector<NodeChange> changes_between(const NodeStates& from, const NodeStates& to) {
  std::set<std::string> nodes;
  for (const auto& [node, state] : from) nodes.insert(node);
  for (const auto& [node, state] : to) nodes.insert(node);
  std::vector<NodeChange> changes;
  for (const std::string& node : nodes) {
    const auto before = from.find(node), after = to.find(node);
    if (before != from.end() && after != to.end() && before->second == after->second) continue;
    NodeState nothing;
    nothing.node = node;
    const NodeChange change = change_between(before == from.end() ? nothing : *before->second,
                                             after == to.end() ? nothing : *after->second);
    if (change.added + change.changed + change.removed > 0) changes.push_back(change);
  }
  return changes;
}

}  // namespace farspan::controller
