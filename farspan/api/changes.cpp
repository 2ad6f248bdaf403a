// SPDX-License-Identifier: Apache-2.0
// apply, plan, delete, revoke: documents in, changes out.
#include <algorithm>
#include <charconv>
#include <optional>

#include "farspan/api/json.h"
#include "farspan/api/kind_of_path.h"
#include "farspan/controller/secrets.h"
#include "farspan/model/kind_names.h"

namespace farspan::api {
namespace {

using controller::Mode;

const char* word_of(controller::ResourceChange::Action action) {
  switch (action) {
    case controller::ResourceChange::Action::kCreate:
      return "create";
    case controller::ResourceChange::Action::kUpdate:
      return "update";
    case controller::ResourceChange::Action::kUnchanged:
      return "unchanged";
    case controller::ResourceChange::Action::kRename:
      return "rename";
    case controller::ResourceChange::Action::kDelete:
      break;
  }
  return "delete";
}

Json fields_json(const std::vector<documents::FieldChange>& fields) {
  Json list = Json::array();
  for (const auto& [field, from, to] : fields)
    list.push_back({{"field", field}, {"from", from}, {"to", to}});
  return list;
}

Json tunnels_json(const std::vector<controller::TunnelChange>& tunnels) {
  using Action = controller::TunnelChange::Action;
  Json list = Json::array();
  for (const auto& tunnel : tunnels) {
    const char* action = tunnel.action == Action::kMake      ? "make"
                         : tunnel.action == Action::kRebuild ? "rebuild"
                                                             : "end";
    list.push_back({{"action", action},
                    {"node", tunnel.node},
                    {"tunnel", tunnel.tunnel},
                    {"reasons", fields_json(tunnel.reasons)}});
  }
  return list;
}

Json outcome_json(const controller::Outcome& outcome) {
  Json changes = Json::array(), nodes = Json::array();
  for (const auto& change : outcome.changes) {
    changes.push_back(
        {{"action", word_of(change.action)}, {"kind", change.kind}, {"name", change.name}});
    if (!change.fields.empty()) changes.back()["fields"] = fields_json(change.fields);
  }
  for (const auto& node : outcome.nodes)
    nodes.push_back({{"node", node.node},
                     {"added", node.added},
                     {"changed", node.changed},
                     {"removed", node.removed}});
  Json warnings = Json::array();
  for (const Error& warning : outcome.warnings)
    warnings.push_back({{"resource", warning.resource},
                        {"field", warning.field},
                        {"what", warning.what},
                        {"remedy", warning.remedy}});
  return {{"revision", outcome.revision},
          {"changes", changes},
          {"tunnels", tunnels_json(outcome.tunnels)},
          {"nodes", nodes},
          {"warnings", warnings}};
}

Answer answer_of(const controller::Admission& admission, const Request& request) {
  if (!admission.ok()) {
    Answer refused = refusal(admission.errors);
    // RFC 9110 §15.5.13: what the client wants it to be like is not so any more.
    const bool is_precondition =
        !request.if_match.empty() && admission.errors.front().field == "revision";
    if (is_precondition) refused.status = 412;
    return refused;
  }
  if (admission.answered) return {200, "application/json", *admission.answered, ""};
  return json_answer(outcome_json(admission.outcome));
}

Error bad_header(const Request& request, const char* name, std::string what, std::string remedy) {
  return {ErrorCode::kInvalid, request.method + " " + request.path, name, std::move(what),
          std::move(remedy)};
}

// The number in an If-Match of one entity tag (RFC 9110 §13.1.1); nothing for "*", which every
// revision fits.
Result<std::optional<uint64_t>> tag_of(const Request& request) {
  const std::string_view text = request.if_match;
  if (text.empty() || text == "*") return std::optional<uint64_t>();
  uint64_t revision = 0;
  const bool is_quoted = text.size() > 2 && text.front() == '"' && text.back() == '"';
  const char *begin = text.data() + 1, *last = text.data() + text.size() - 1;
  if (is_quoted) {
    const auto [end, fault] = std::from_chars(begin, last, revision);
    if (fault == std::errc() && end == last) return std::optional(revision);
  }
  return bad_header(request, "If-Match", "is no entity tag of this API",
                    "send the ETag of an answer back as it came");
}

Result<std::optional<controller::Order::Once>> once_of(const Request& request) {
  const std::string& key = request.idempotency_key;
  if (key.empty()) return std::optional<controller::Order::Once>();
  const bool is_plain =
      std::all_of(key.begin(), key.end(), [](char c) { return c > 32 && c < 127; });
  if (key.size() > 64 || !is_plain)
    return bad_header(request, "Idempotency-Key", "is no key",
                      "send 1 to 64 visible characters that were used for nothing else");
  std::string asked = request.method + " " + request.path;
  for (const auto& [name, value] : request.query) asked += "\n" + name + "=" + value;
  return std::optional(controller::Order::Once{
      key, controller::sha256_hex(asked + "\n\n" + request.body),
      [](const controller::Outcome& outcome) { return to_text(outcome_json(outcome)) + "\n"; }});
}

bool is_asked(const Request& request, const char* name) {
  const auto found = request.query.find(name);
  return found != request.query.end() && found->second == "true";
}

controller::Cascade cascade_of(const Request& request) {
  return is_asked(request, "cascade") ? controller::Cascade::kParts : controller::Cascade::kNothing;
}

// Who asks, under which key, and the revision of the query, which the change is for alone.
Result<controller::Order> order_of(const Request& request) {
  controller::Order order{request.principal, {}, {}};
  auto once = once_of(request);
  if (!once) return once.error();
  order.once = *std::move(once);
  const auto asked = request.query.find("revision");
  if (asked == request.query.end()) return order;
  const std::string& text = asked->second;
  uint64_t revision = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (fault != std::errc() || end != text.data() + text.size())
    return Error{ErrorCode::kInvalid, request.method + " " + request.path, "revision",
                 (text.empty() ? "nothing" : text.substr(0, 32)) + " is not a number",
                 "give the revision of a plan or a list, or none"};
  order.seen = revision;
  return order;
}

// The tag of a change of many is that of a list: the revision of the network.
Result<controller::Order> order_for_many(const Request& request) {
  auto order = order_of(request);
  if (!order) return order;
  const auto tag = tag_of(request);
  if (!tag) return tag.error();
  if (*tag) order->seen = *tag;
  return order;
}

// Changes one resource, whose tag is the revision of its own last change. Between looking at that
// and changing it others may change something else, so the change is for the network that was
// looked at, and is tried again on the next one.
template <class Change>
Answer change_one(controller::Controller& controller, const Request& request, const store::Key& key,
                  Change&& change) {
  auto order = order_of(request);
  if (!order) return refusal(order.error());
  const auto tag = tag_of(request);
  if (!tag) return refusal(tag.error());
  if (!*tag) return answer_of(change(*order), request);
  const bool has_seen = order->seen.has_value();
  for (;;) {
    const auto now = controller.published();
    const auto standing = now->revisions.find(key);
    if (standing != now->revisions.end() && standing->second != **tag) {
      if (const auto before = controller.answered_before(Mode::kCommit, *order))
        return answer_of(*before, request);
      controller::Admission stale;
      stale.errors = {{ErrorCode::kConflict, key.kind + " " + key.name, "revision",
                       std::to_string(**tag) + " is not that of its last change, which is " +
                           std::to_string(standing->second),
                       "look at it again and repeat the change"}};
      return answer_of(stale, request);
    }
    if (!has_seen) order->seen = now->revision;
    const controller::Admission admission = change(*order);
    const bool is_overtaken = !admission.ok() && !has_seen &&
                              admission.errors.front().field == "revision" &&
                              controller.published()->revision != now->revision;
    if (!is_overtaken) return answer_of(admission, request);
  }
}

}  // namespace

Answer Rest::apply(const Request& request, const PathValues&) const {
  const auto order = order_for_many(request);
  if (!order) return refusal(order.error());
  return answer_of(sources_.controller.apply(request.body, Mode::kCommit, *order), request);
}

Answer Rest::plan(const Request& request, const PathValues&) const {
  return answer_of(
      sources_.controller.apply(request.body, Mode::kPlan, {request.principal, {}, {}}), request);
}

Answer Rest::remove(const Request& request, const PathValues&) const {
  const auto order = order_for_many(request);
  if (!order) return refusal(order.error());
  return answer_of(
      sources_.controller.remove(request.body, Mode::kCommit, *order, cascade_of(request)),
      request);
}

Answer Rest::plan_remove(const Request& request, const PathValues&) const {
  return answer_of(sources_.controller.remove(request.body, Mode::kPlan,
                                              {request.principal, {}, {}}, cascade_of(request)),
                   request);
}

Answer Rest::revoke(const Request& request, const PathValues& values) const {
  const auto order = order_for_many(request);
  if (!order) return refusal(order.error());
  return answer_of(sources_.controller.revoke(values[0], *order), request);
}

Answer Rest::remove_one(const Request& request, const PathValues& values) const {
  const auto kind = kind_of_path(values[0]);
  if (!kind) return refusal(kind.error());
  const store::Key key{*kind, values[1]};
  return change_one(sources_.controller, request, key, [&](const controller::Order& order) {
    return sources_.controller.remove(std::vector{key}, Mode::kCommit, order, cascade_of(request));
  });
}

Answer Rest::rename(const Request& request, const PathValues& values) const {
  const auto kind = kind_of_path(values[0]);
  if (!kind) return refusal(kind.error());
  const store::Key key{*kind, values[1]};
  const auto to = request.query.find("to");
  const std::string name = to == request.query.end() ? "" : to->second;
  const Mode mode = is_asked(request, "plan") ? Mode::kPlan : Mode::kCommit;
  return change_one(sources_.controller, request, key, [&](const controller::Order& order) {
    return sources_.controller.rename(key, name, mode, order);
  });
}

}  // namespace farspan::api
