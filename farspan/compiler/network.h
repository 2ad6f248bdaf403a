// SPDX-License-Identifier: Apache-2.0
// Network: everything that follows from a model, kept, so that a question compiles nothing and a
// change costs what it changed.
//
//   model ─▶ users, claims    who names whom, who uses which addresses
//        ─▶ pieces            each Vpc: where it stands, its own routes
//        ─▶ links             which node sends which one packets, with which labels, in how many
//        rows ─▶ states            what each node must do
//
// An immutable value: readers keep the one they have while the next one is made, and the two share
// what is the same in both. Law (properties_test.cpp): rebuild() gives what make_network() gives.
//
// How rebuild() finds what changed: each changed resource belongs to a Vpc (or to some), whose
// piece is made anew. A difference between the old and the new piece is a set of destinations; only
// for these the rows of this Vpc, and of those that learn from it, are worked out twice, on the old
// pieces to be taken away, on the new ones to be put. What touches more than that (a node's
// address, a very large change) is compiled whole.
//
// Threads: none; a value.
#pragma once

#include <compare>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "farspan/compiler/compile.h"
#include "farspan/compiler/learned.h"
#include "farspan/model/claims.h"
#include "farspan/nodestate/delta.h"

namespace farspan::compiler {

/// By node.
using NodeStates = std::map<std::string, std::shared_ptr<const nodestate::NodeState>>;

/// One node sends another one packets with a label. Nodes are named by their numbers.
struct LinkUse {
  uint32_t from = 0, to = 0;
  nodestate::Label label;
  auto operator<=>(const LinkUse&) const = default;
};
/// In how many rows.
using LinkUses = std::map<LinkUse, uint64_t>;
/// The labels with which `from` sends to `to`.
std::set<nodestate::Label> labels_between(const LinkUses& uses, const model::Node& from,
                                          const model::Node& to);

struct Network {
  model::Model model;
  model::Users users;
  model::Claims claims;
  Pieces pieces;
  LinkUses links;
  NodeStates states;  // every Node of the model has one, possibly empty
};

/// The network of `model`, whose states all get `generation`.
/// @pre model::validate(model) found no fault, or the network is only looked at: what a fault is
/// about is left out or stands somehow
Network make_network(model::Model model, uint64_t generation = 0);

struct Rebuilt {
  Network network;
  /// How the state of each node changes that is new, gone or not the same: a state that stays the
  /// same keeps its generation and its address.
  std::map<std::string, nodestate::Delta> deltas;
};

/// The network of `model`, which differs from `before.model` in the resources `changed` only
/// (created, updated or deleted). States that change get `generation`.
/// @pre of make_network(), for both models
Rebuilt rebuild(const Network& before, model::Model model,
                const std::vector<model::ResourceId>& changed, uint64_t generation);

/// The same whatever changed, and where `before` or `model` has faults.
Rebuilt rebuild_whole(const Network& before, model::Model model, uint64_t generation);

struct RoutePage {
  std::vector<CandidateRoute> routes;
  bool has_more = false;
};
/// The candidate routes of `vpc` to destinations above `after`, by destination, winners first: as
/// many as `limit` allows, all of one destination or none, and of one destination at least.
RoutePage explain_routes(const Network& network, const std::string& vpc,
                         const std::optional<net::Prefix>& after, size_t limit);
/// Every candidate route of `vpc`.
std::vector<CandidateRoute> explain_routes(const Network& network, const std::string& vpc);
/// Those to exactly `destination`.
std::vector<CandidateRoute> explain_routes(const Network& network, const std::string& vpc,
                                           const net::Prefix& destination);

/// Would packets of `probe` from `from` get to `to` and the answers back, if every tunnel is up?
Reachability reach(const Network& network, const net::Address& from, const net::Address& to,
                   const Probe& probe);

}  // namespace farspan::compiler
