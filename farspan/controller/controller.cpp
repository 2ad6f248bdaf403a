// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/controller.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>

#include "farspan/compiler/export_swanctl.h"
#include "farspan/controller/audit.h"
#include "farspan/controller/generations.h"
#include "farspan/controller/secrets.h"
#include "farspan/documents/source_files.h"
#include "farspan/documents/stored.h"
#include "farspan/model/any_resource.h"
#include "farspan/model/validate.h"
#include "farspan/model/warnings.h"
#include "farspan/nodestate/wire/wire.h"

namespace farspan::controller {

using Action = ResourceChange::Action;

// A change being made: the model as it would be, and how it differs from what is published.
struct Controller::Draft {
  std::shared_ptr<const Published> from;
  uint32_t next_number = 1;
  model::Model model;
  std::vector<ResourceChange> changes;
  std::vector<store::Row> puts;
  std::vector<store::Key> deletes;
  std::vector<store::Rename> renames = {};
  std::vector<store::AuditRow> audit = {};
  Errors warnings = {};
};

namespace {

using WallClock = std::chrono::system_clock;

Result<model::AnyResource> resource_of(const store::Row& row) {
  auto resource = documents::from_stored(row.key.kind, row.key.name, row.body);
  if (resource) model::meta_of(*resource).number = row.number;
  return resource;
}

// A note for each identity that ended, for as long as the store lives: its machine may come back
// years later.
const std::string kReplaced = "replaced/";

Notes replaced_between(const model::Model& from, const model::Model& to,
                       const std::vector<model::ResourceId>& changed, uint64_t revision) {
  Notes notes;
  for (const model::ResourceId& id : changed) {
    if (id.kind != model::kKindPosition<model::Node>) continue;
    const auto* node = from.find<model::Node>(id.name);
    if (node == nullptr) continue;
    const auto* after = to.find<model::Node>(id.name);
    if (after == nullptr || after->identity() != node->identity())
      notes.emplace(kReplaced + node->identity(), std::to_string(revision));
  }
  return notes;
}

Admission refused(Errors errors) { return {{}, std::move(errors)}; }

Error nothing_in_it() {
  return {ErrorCode::kInvalid, "", "the text", "there is nothing in it",
          "write documents: kind, name and spec"};
}

model::ResourceId id_of(const store::Key& key) { return {model::position_of(key.kind), key.name}; }

std::vector<model::ResourceId> changed_in(const std::vector<store::Row>& puts,
                                          const std::vector<store::Key>& deletes,
                                          const std::vector<store::Rename>& renames) {
  std::vector<model::ResourceId> changed;
  for (const store::Row& row : puts) changed.push_back(id_of(row.key));
  for (const store::Key& key : deletes) changed.push_back(id_of(key));
  for (const store::Rename& rename : renames) changed.push_back(id_of(rename.from));
  return changed;
}

// Which faults are those of a change, and which stood before it and are not its business. Remedies
// may name other resources than before, so they do not tell faults apart.
struct SortedOut {
  Errors charged, standing;
};
SortedOut sorted_out(Errors faults, const Errors& before, const std::vector<store::Row>& puts) {
  SortedOut sorted;
  if (faults.empty()) return sorted;
  std::set<std::string> changed;
  for (const store::Row& row : puts) changed.insert(row.key.kind + " " + row.key.name);
  const auto key_of = [](const Error& error) {
    return std::tuple(error.resource, error.field, error.what);
  };
  std::set<std::tuple<std::string, std::string, std::string>> known;
  for (const Error& error : before) known.insert(key_of(error));
  for (Error& error : faults) {
    const bool is_old = known.contains(key_of(error)) && !changed.contains(error.resource);
    (is_old ? sorted.standing : sorted.charged).push_back(std::move(error));
  }
  return sorted;
}

store::Key key_of(const model::AnyResource& resource) {
  return {std::string(model::kind_of(resource)), model::meta_of(resource).name};
}

}  // namespace

Result<std::unique_ptr<Controller>> Controller::open(std::unique_ptr<store::Store> store) {
  std::unique_ptr<Controller> controller(new Controller(std::move(store)));
  if (const auto loaded = controller->load(); !loaded) return loaded.error();
  return controller;
}

// 1. rows to model  2. compile  3. generations from the notes; a state that differs from what was
// noted (another version of the compiler) gets a new one, committed before it is told to anyone
Status Controller::load() {
  auto contents = store_->list();
  if (!contents) return contents.error();
  Published first;
  first.revision = contents->revision;
  model::Model model;
  for (const store::Row& row : contents->rows) {
    auto resource = resource_of(row);
    if (!resource) return resource.error();
    model::upsert(model, *std::move(resource));
    first.revisions.insert_or_assign(row.key, row.revision);
  }
  first.next_number = contents->next_number;
  auto tokens = Tokens::open(*store_, contents->notes);
  if (!tokens) return tokens.error();
  tokens_ = *std::move(tokens);
  notes_ = std::move(contents->notes);
  std::erase_if(notes_, [](const auto& note) { return Tokens::is_token(note.first); });

  first.faults = model::validate(model);
  if (!first.faults.empty())
    spdlog::warn("{} faults in what is stored, the first: {}", first.faults.size(),
                 first.faults.front().text());
  static_cast<compiler::Network&>(first) = compiler::make_network(std::move(model));
  const Notes changes = number_from_notes(first.states, first.digests, notes_, first.revision + 1);
  if (!changes.empty()) {
    const auto revision = store_->commit({.based_on = first.revision, .notes = changes});
    if (!revision) return revision.error();
    first.revision = *revision;
    note(changes);
  }
  publish(std::move(first));
  return ok();
}

// Under the lock of changes, so that of two who ask at once one is told what the other changed.
std::optional<Admission> Controller::answered_before(Mode mode, const Order& order) const {
  if (mode == Mode::kPlan || !order.once) return std::nullopt;
  auto kept = store_->answer_to(order.by.name, order.once->key);
  if (!kept) return refused({kept.error()});
  if (!kept->has_value()) return std::nullopt;
  if ((*kept)->request != order.once->request)
    return refused({{ErrorCode::kInvalid, "the request", "Idempotency-Key",
                     order.once->key + " was the key of another request", "choose another key"}});
  Admission admission;
  admission.answered = std::move((*kept)->answer);
  return admission;
}

// Changes are made one after the other. A plan is none.
std::unique_lock<std::mutex> Controller::turn_of(Mode mode) {
  return mode == Mode::kCommit ? std::unique_lock(changing_) : std::unique_lock<std::mutex>();
}

Controller::Draft Controller::draft_of_published() const {
  auto now = published();
  const uint32_t next_number = now->next_number;
  model::Model model = now->model;
  return {std::move(now), next_number, std::move(model), {}, {}, {}};
}

void Controller::note(const Notes& changes) {
  const std::lock_guard lock(noting_);
  remember(notes_, changes);
}

Admission Controller::apply(std::string_view text, Mode mode, const Order& order) {
  const documents::SourceFiles files(text);
  auto parsed = documents::parse_documents(files.texts());
  if (!parsed.ok()) return refused(std::move(parsed.errors));
  if (parsed.documents.empty()) return refused({nothing_in_it()});
  const auto lock = turn_of(mode);
  if (auto before = answered_before(mode, order)) return *std::move(before);
  Draft draft = draft_of_published();
  for (auto& document : parsed.documents) {
    const auto standing = model::find(draft.from->model, document.kind, document.name);
    model::fill_secrets(document.resource, standing ? &*standing : nullptr, make_psk);
    model::fill_identity(document.resource, standing ? &*standing : nullptr,
                         draft.from->revision + 1, make_random_number);
    model::meta_of(document.resource).number =
        standing ? model::meta_of(*standing).number : draft.next_number;
    model::fill_times(document.resource, standing ? &*standing : nullptr,
                      milliseconds_of(WallClock::now()), make_random_number);
    const bool is_unchanged = standing && *standing == document.resource;
    const Action action = is_unchanged ? Action::kUnchanged
                          : standing   ? Action::kUpdate
                                       : Action::kCreate;
    draft.changes.push_back({action, document.kind, document.name, {}});
    std::ranges::move(model::warnings_of(document.resource), std::back_inserter(draft.warnings));
    if (is_unchanged) continue;
    auto fields = documents::difference(standing ? &*standing : nullptr, &document.resource);
    draft.audit.push_back(audit_row(order.by, WallClock::now(), standing ? "update" : "create",
                                    key_of(document.resource), fields));
    if (standing) draft.changes.back().fields = std::move(fields);
    if (!standing) ++draft.next_number;
    draft.puts.push_back({key_of(document.resource), model::meta_of(document.resource).number, 0,
                          documents::to_stored(document.resource)});
    model::upsert(draft.model, std::move(document.resource));
  }
  Admission admission = admit(std::move(draft), mode, order);
  if (!admission.ok()) documents::add_places(admission.errors, files.texts());
  return admission;
}

Admission Controller::remove(std::string_view text, Mode mode, const Order& order,
                             Cascade cascade) {
  auto parsed = documents::parse_names(documents::SourceFiles(text).texts());
  if (!parsed.errors.empty()) return refused(std::move(parsed.errors));
  if (parsed.names.empty()) return refused({nothing_in_it()});
  std::vector<store::Key> keys;
  for (const auto& name : parsed.names) {
    store::Key key{name.kind, name.name};
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(std::move(key));
  }
  return remove(keys, mode, order, cascade);
}

Admission Controller::remove(const std::vector<store::Key>& wanted, Mode mode, const Order& order,
                             Cascade cascade) {
  const auto lock = turn_of(mode);
  if (auto before = answered_before(mode, order)) return *std::move(before);
  Draft draft = draft_of_published();
  std::vector<store::Key> keys = wanted;
  if (cascade == Cascade::kParts) {
    std::vector<model::ResourceId> whole;
    for (const store::Key& key : wanted)
      if (model::find(draft.from->model, key.kind, key.name)) whole.push_back(id_of(key));
    for (const auto& part : model::parts_of(draft.from->model, draft.from->users, whole))
      keys.push_back({std::string(model::kind_of(part)), part.name});
  }
  Errors missing;
  for (const store::Key& key : keys) {
    if (const auto standing = model::find(draft.from->model, key.kind, key.name))
      draft.audit.push_back(audit_row(order.by, WallClock::now(), "delete", key,
                                      documents::difference(&*standing, nullptr)));
    if (!model::erase(draft.model, key.kind, key.name))
      missing.push_back({ErrorCode::kNotFound, key.kind + " " + key.name, "", "does not exist",
                         "list what exists with: farspan get " + key.kind});
    draft.changes.push_back({Action::kDelete, key.kind, key.name, {}});
    draft.deletes.push_back(key);
  }
  if (!missing.empty()) return refused(std::move(missing));
  return admit(std::move(draft), mode, order);
}

Admission Controller::rename(const store::Key& key, const std::string& name, Mode mode,
                             const Order& order) {
  const auto lock = turn_of(mode);
  if (auto before = answered_before(mode, order)) return *std::move(before);
  Draft draft = draft_of_published();
  const std::string label = key.kind + " " + key.name;
  auto renamed = model::find(draft.from->model, key.kind, key.name);
  if (!renamed)
    return refused({{ErrorCode::kNotFound, label, "", "does not exist",
                     "list what exists with: farspan get " + key.kind}});
  if (key.kind == model::Node::kKind)
    return refused({{ErrorCode::kInvalid, label, "name", "is in the certificates of its machine",
                     "declare a Node of the new name, and enrol the machine as that"}});
  if (model::find(draft.from->model, key.kind, name))
    return refused(
        {{ErrorCode::kConflict, key.kind + " " + name, "name", "is taken", "choose another name"}});
  draft.changes.push_back({Action::kRename, key.kind, name, {{"name", key.name, name}}});
  draft.audit.push_back(audit_row(order.by, WallClock::now(), "rename", {key.kind, name},
                                  draft.changes.back().fields));
  draft.renames.push_back({key, name});
  model::erase(draft.model, key.kind, key.name);
  model::meta_of(*renamed).name = name;
  model::meta_of(*renamed).updated_at = milliseconds_of(WallClock::now());
  model::rename_references(*renamed, key.kind, key.name, name);  // a group may name itself
  const auto put = [&](model::AnyResource resource) {
    draft.puts.push_back(
        {key_of(resource), model::meta_of(resource).number, 0, documents::to_stored(resource)});
    model::upsert(draft.model, std::move(resource));
  };
  put(*std::move(renamed));
  draft.from->users.for_each_id(id_of(key), [&](const model::ResourceId& user) {
    if (user == id_of(key)) return;
    model::with_resource(draft.from->model, user, [&](const auto& standing) {
      const model::AnyResource before = standing;
      model::AnyResource follower = before;
      model::rename_references(follower, key.kind, key.name, name);
      draft.changes.push_back({Action::kUpdate, std::string(model::kind_of(follower)),
                               model::meta_of(follower).name,
                               documents::difference(&before, &follower)});
      put(std::move(follower));
    });
  });
  return admit(std::move(draft), mode, order);
}

Admission Controller::revoke(const std::string& name, const Order& order) {
  const auto lock = turn_of(Mode::kCommit);
  if (auto before = answered_before(Mode::kCommit, order)) return *std::move(before);
  Draft draft = draft_of_published();
  auto& nodes = draft.model.all<model::Node>();
  if (!nodes.contains(name))
    return refused({{ErrorCode::kNotFound, "Node " + name, "", "does not exist",
                     "list what exists with: farspan get Node"}});
  model::Node& node = nodes.at(name);
  node.identity_revision = draft.from->revision + 1;
  node.identity_random = make_random_number();
  node.meta.updated_at = milliseconds_of(WallClock::now());
  draft.changes.push_back({Action::kUpdate, model::Node::kKind, name, {}});
  draft.audit.push_back(
      audit_row(order.by, WallClock::now(), "revoke", {model::Node::kKind, name}, {}));
  draft.puts.push_back(
      {{model::Node::kKind, name}, node.meta.number, 0, documents::to_stored(node)});
  return admit(std::move(draft), Mode::kCommit, order);
}

// 1. validate  2. rebuild and compare  3. a plan ends here  4. commit  5. publish
Admission Controller::admit(Draft draft, Mode mode, const Order& order) {
  if (order.seen && *order.seen != draft.from->revision)
    return refused({{ErrorCode::kConflict, "the network", "revision",
                     std::to_string(*order.seen) + " is not the latest, which is " +
                         std::to_string(draft.from->revision),
                     "look at it again (farspan plan) and repeat the change"}});
  const Published& from = *draft.from;
  const auto changed = changed_in(draft.puts, draft.deletes, draft.renames);
  auto [charged, standing] = sorted_out(
      from.faults.empty()
          ? model::validate_change(from.model, from.users, from.claims, draft.model, changed)
          : model::validate(draft.model, from.model),
      from.faults, draft.puts);
  if (!charged.empty()) return refused(documents::capped(std::move(charged)));

  Admission admission;
  admission.outcome.revision = from.revision;
  admission.outcome.changes = std::move(draft.changes);
  admission.outcome.warnings = documents::capped(std::move(draft.warnings));
  if (changed.empty()) return admission;

  const uint64_t revision = from.revision + 1;
  Published next;
  // The pieces of a network with faults need not fit together, so it is compiled whole.
  auto rebuilt = from.faults.empty() && standing.empty()
                     ? compiler::rebuild(from, std::move(draft.model), changed, revision)
                     : compiler::rebuild_whole(from, std::move(draft.model), revision);
  admission.outcome.nodes = changes_of(rebuilt, from.states);
  for (const auto& [node, delta] : rebuilt.deltas) {
    const auto state_in = [&, name = node](const NodeStates& all) {
      const auto found = all.find(name);
      return found == all.end() ? nullptr : found->second.get();
    };
    for (auto& tunnel : tunnel_changes(state_in(from.states), state_in(rebuilt.network.states)))
      admission.outcome.tunnels.push_back(std::move(tunnel));
  }
  if (mode == Mode::kPlan) return admission;

  next.digests = from.digests;
  Notes notes = notes_of(rebuilt, from.states, next.digests);
  notes.merge(replaced_between(from.model, rebuilt.network.model, changed, revision));
  static_cast<compiler::Network&>(next) = std::move(rebuilt.network);
  next.revision = revision;
  next.revisions = from.revisions;
  next.faults = std::move(standing);
  next.next_number = draft.next_number;
  for (const store::Row& row : draft.puts) next.revisions.insert_or_assign(row.key, revision);
  for (const store::Key& key : draft.deletes) next.revisions.erase(key);
  for (const store::Rename& rename : draft.renames) next.revisions.erase(rename.from);
  std::optional<store::KeptAnswer> kept;
  if (order.once) {
    admission.outcome.revision = revision;
    kept = {order.by.name, order.once->key, order.once->request,
            order.once->answer(admission.outcome)};
  }

  const auto committed = store_->commit({.based_on = from.revision,
                                         .puts = std::move(draft.puts),
                                         .deletes = std::move(draft.deletes),
                                         .renames = std::move(draft.renames),
                                         .notes = notes,
                                         .audit = std::move(draft.audit),
                                         .answer = std::move(kept)});
  if (!committed) return refused({committed.error()});
  FS_CHECK(*committed == revision);  // the generations that were noted are made of it
  note(notes);
  admission.outcome.revision = revision;
  publish(std::move(next));
  return admission;
}

Status Controller::reconcile_generation(const std::string& node, uint64_t generation,
                                        const std::string& digest) {
  const auto is_another = [&](const Published& now) {
    const auto state = now.states.find(node);
    return state != now.states.end() && state->second->generation == generation &&
           nodestate::wire::digest_of(*state->second) != digest;
  };
  // Nearly every Hello ends here, and waits for nobody.
  if (!is_another(*published())) return ok();
  const std::lock_guard lock(changing_);
  const auto now = published();
  {
    const std::lock_guard noting(noting_);
    if (reconciled_.contains(node)) return ok();
  }
  if (!is_another(*now)) return ok();
  Published next = *now;
  next.revision = now->revision + 1;
  const Notes changes = renumber(next.states, node, next.revision);
  const auto committed = store_->commit({.based_on = now->revision, .notes = changes});
  if (!committed) return committed.error();
  FS_CHECK(*committed == next.revision);
  note(changes);
  {
    const std::lock_guard noting(noting_);
    reconciled_.insert(node);
  }
  publish(std::move(next));
  return ok();
}

bool Controller::has_replaced(const std::string& node, const std::string& identity) const {
  {
    const std::lock_guard lock(noting_);
    if (notes_.contains(kReplaced + identity)) return true;
  }
  // Of before these notes: an identity of the name that is older than the present one.
  const auto now = published();
  const auto* declared = now->model.find<model::Node>(node);
  const auto revision = model::Node::revision_of(identity, node);
  return declared != nullptr && revision && *revision < declared->identity_revision;
}

void Controller::publish(Published next) {
  const uint64_t revision = next.revision;
  auto made = std::make_shared<const Published>(std::move(next));
  {
    const std::lock_guard lock(publishing_);
    published_.swap(made);
  }  // what nobody reads any more ends after the lock
  made.reset();
  listeners_.call(revision);
}

void Controller::keep(std::shared_ptr<const Published> published) {
  constexpr std::chrono::seconds kTime{60};
  constexpr size_t kMost = 16;
  std::vector<Kept> ended;  // after the lock
  const std::lock_guard lock(publishing_);
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(kept_, [&](Kept& kept) {
    const bool is_over = kept.until < now || kept.published == published;
    if (is_over) ended.push_back(std::move(kept));
    return is_over;
  });
  if (kept_.size() == kMost) {
    ended.push_back(std::move(kept_.front()));
    kept_.pop_front();
  }
  kept_.push_back({now + kTime, std::move(published)});
}

std::shared_ptr<const Published> Controller::published() const {
  const std::lock_guard lock(publishing_);
  return published_;
}

std::shared_ptr<const Published> Controller::published_at(uint64_t revision) const {
  const std::lock_guard lock(publishing_);
  if (published_->revision == revision) return published_;
  const auto now = std::chrono::steady_clock::now();
  for (const Kept& kept : kept_)
    if (kept.published->revision == revision && now <= kept.until) return kept.published;
  return nullptr;
}

std::unique_ptr<store::Subscription> Controller::watch(store::Listener listener) {
  return listeners_.add(std::move(listener));
}

Result<std::vector<store::Change>> Controller::changes_after(uint64_t revision, size_t limit) {
  auto changes = store_->changes_after(revision, limit);
  // The store has a change a moment before it is published; whoever hears of it then asks for it.
  const uint64_t latest = published()->revision;
  if (changes)
    std::erase_if(*changes, [&](const store::Change& change) { return change.revision > latest; });
  return changes;
}

Status Controller::record(const Principal& by, std::string action, store::Key key) const {
  return store_->record({},
                        {audit_row(by, WallClock::now(), std::move(action), std::move(key), {})});
}

Result<store::AuditPage> Controller::audit(const store::AuditQuery& query) const {
  return store_->audit(query);
}

Result<std::string> Controller::export_connection(const std::string& name,
                                                  DeviceFormat format) const {
  const auto now = published();
  return format == DeviceFormat::kSwanctl ? compiler::export_swanctl(now->model, name)
                                          : compiler::export_json(now->model, name);
}

}  // namespace farspan::controller
