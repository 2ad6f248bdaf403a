// SPDX-License-Identifier: Apache-2.0
// Controller: may this change be made, and what does every node do afterwards?
//
//   documents ─▶ model' ─▶ validate ─▶ rebuild ─▶ commit ─▶ published ─▶ sessions, API
//                             └ faults: all of them, nothing changes
//
// Questions are answered from what is published, a whole network (compiler/network.h): none of them
// compiles anything. A fault that a stored row has (of a rule that came later) is charged to
// whoever changes that row and to nobody else; until then it stands in the status of its resource.
//
// Rebuilding comes before committing, because a plan needs it, and because the generations that the
// nodes are told must be as durable as the model they come from: they are notes of the same
// transaction. A node's generation is the revision at which its state last changed; a node whose
// state stays the same keeps its generation.
//
// Not here: sessions with nodes (node_server.h), what nodes report (node_reports.h), HTTP (api/).
// Threads: any. Changes are made one after the other; readers take published() and keep it. Plans
// and the nodes' sessions wait for no change: a plan is a question about what is published.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/compiler/network.h"
#include "farspan/controller/principal.h"
#include "farspan/controller/tokens.h"
#include "farspan/controller/tunnel_changes.h"
#include "farspan/documents/difference.h"
#include "farspan/nodestate/wire/wire.h"
#include "farspan/store/store.h"

namespace farspan::controller {

using compiler::NodeStates;

/// Everything at one revision. Never changed after it was published.
struct Published : compiler::Network {  // states have their generations
  uint64_t revision = 0;
  PersistentMap<store::Key, uint64_t> revisions;                // of each resource's last change
  std::map<std::string, nodestate::wire::StateDigest> digests;  // of the states
  Errors faults;             // of stored rows that the rules of today would not admit
  uint32_t next_number = 1;  // of the next resource
};

enum class Mode : uint8_t { kCommit, kPlan };

struct ResourceChange {
  enum class Action : uint8_t { kCreate, kUpdate, kUnchanged, kDelete, kRename };
  Action action = Action::kUnchanged;
  std::string kind, name;
  std::vector<documents::FieldChange> fields;  // of an update, and of a new name
  bool operator==(const ResourceChange&) const = default;
};

/// Rows of one node's state: VRFs, ports, security groups, tunnels and routes together.
struct NodeChange {
  std::string node;
  size_t added = 0, changed = 0, removed = 0;
  bool operator==(const NodeChange&) const = default;
};

struct Outcome {
  uint64_t revision = 0;  // after the change; of a plan: the one it was made on
  std::vector<ResourceChange> changes;
  std::vector<NodeChange> nodes;  // those whose state changes
  std::vector<TunnelChange> tunnels;
  Errors warnings;  // model::warnings_of what was declared
};

/// What became of a change: an outcome, or every fault.
struct Admission {
  Outcome outcome;
  Errors errors;
  /// The change was made before, under the same key; this was its answer (Once).
  std::optional<std::string> answered = {};
  bool ok() const { return errors.empty(); }
};

/// Who asks for a change, and which revision they have seen; it is refused with kConflict on
/// another.
struct Order {
  Principal by = {};
  std::optional<uint64_t> seen = {};
  /// A word of theirs, under which the change is made once however often it is asked for.
  struct Once {
    std::string key;
    std::string request;  // a digest of what is asked, so that a key means one thing
    std::function<std::string(const Outcome&)> answer;  // is kept with the change
  };
  std::optional<Once> once = {};
};

/// What else goes with what is deleted.
enum class Cascade : uint8_t {
  kNothing,  // and what others need is refused
  kParts,    // what cannot be without it (model::parts_of)
};

enum class DeviceFormat : uint8_t { kSwanctl, kJson };

class Controller {
 public:
  /// Takes the store's contents as the model. kInvalid when a row cannot be read.
  static Result<std::unique_ptr<Controller>> open(std::unique_ptr<store::Store> store);

  /// Creates and updates what the documents of `text` declare, whole or not at all.
  Admission apply(std::string_view text, Mode mode, const Order& order = {});
  /// Deletes what the documents of `text` name, whole or not at all.
  Admission remove(std::string_view text, Mode mode, const Order& order = {},
                   Cascade cascade = Cascade::kNothing);
  Admission remove(const std::vector<store::Key>& keys, Mode mode, const Order& order = {},
                   Cascade cascade = Cascade::kNothing);

  /// Lets `key` be called `name`. What refers to it follows; numbers stay, so nothing that nodes do
  /// changes. kConflict when the name is taken, kInvalid for a Node, whose certificates hold its
  /// name.
  Admission rename(const store::Key& key, const std::string& name, Mode mode,
                   const Order& order = {});

  /// What the change of `order` was answered with, when it was made before under the same key.
  std::optional<Admission> answered_before(Mode mode, const Order& order) const;

  /// Gives `node` another identity: no certificate and no enrolment token that was made until now
  /// is its any more, neither here nor on the links of other nodes. kNotFound without such a Node.
  Admission revoke(const std::string& node, const Order& order = {});

  /// A node says that it holds a state called `generation`. When that is the number of its newest
  /// one but another state (the store was restored from a backup and went another way), the newest
  /// gets a number of its own, so that one number never means two states to anybody. At most once
  /// for each node while this controller runs: whoever goes on saying so does not move the
  /// network's revision again and again.
  Status reconcile_generation(const std::string& node, uint64_t generation,
                              const std::string& digest);

  /// True when this store gave `node` another identity after `identity`, or deleted it: whoever has
  /// it is to be emptied. False for an identity of nobody the store knows, such as one that was
  /// made after the backup that the store was restored from.
  bool has_replaced(const std::string& node, const std::string& identity) const;

  std::shared_ptr<const Published> published() const;
  /// Keeps `published` for those who read it in several pages: for a minute from now on. It shares
  /// nearly everything with its successors. Of too many the one is given up that ends first.
  void keep(std::shared_ptr<const Published> published);
  /// What was published as `revision`, if it is the newest or was kept; else null.
  std::shared_ptr<const Published> published_at(uint64_t revision) const;
  /// Calls `listener` after each publication, on the thread that made it; it must not block.
  std::unique_ptr<store::Subscription> watch(store::Listener listener);
  /// Store::changes_after() of what is published.
  Result<std::vector<store::Change>> changes_after(uint64_t revision, size_t limit);

  /// Writes into the audit what is no change of resources: that a secret was told, a bundle made.
  Status record(const Principal& by, std::string action, store::Key key) const;
  Result<store::AuditPage> audit(const store::AuditQuery& query) const;
  Tokens& tokens() const { return *tokens_; }

  /// How an office's device must be set up. The answer holds the pre-shared key.
  Result<std::string> export_connection(const std::string& name, DeviceFormat format) const;

 private:
  struct Draft;
  explicit Controller(std::unique_ptr<store::Store> store) : store_(std::move(store)) {}
  Status load();
  std::unique_lock<std::mutex> turn_of(Mode mode);
  Draft draft_of_published() const;
  Admission admit(Draft draft, Mode mode, const Order& order);
  void note(const std::map<std::string, std::string>& changes);
  void publish(Published next);

  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Tokens> tokens_;
  std::mutex changing_;  // held from reading the model until publishing its successor

  mutable std::mutex noting_;                 // guards the two below, for a moment only
  std::set<std::string> reconciled_;          // nodes whose state was renumbered
  std::map<std::string, std::string> notes_;  // of the nodes, as stored

  struct Kept {
    std::chrono::steady_clock::time_point until;
    std::shared_ptr<const Published> published;
  };
  mutable std::mutex publishing_;  // guards the pointers only
  std::shared_ptr<const Published> published_;
  std::deque<Kept> kept_;  // what ends first comes first
  store::Listeners listeners_;
};

}  // namespace farspan::controller
