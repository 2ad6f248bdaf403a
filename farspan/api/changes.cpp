// SPDX-License-Identifier: Apache-2.0
// apply, plan, delete, revoke: documents in, changes out.
#include <charconv>

#include "farspan/api/json.h"
#include "farspan/api/kind_of_path.h"
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
    case controller::ResourceChange::Action::kDelete:
      break;
  }
  return "delete";
}

Answer answer_of(const controller::Admission& admission) {
  if (!admission.ok()) return refusal(admission.errors);
  const controller::Outcome& outcome = admission.outcome;
  Json changes = Json::array(), nodes = Json::array();
  for (const auto& change : outcome.changes)
    changes.push_back(
        {{"action", word_of(change.action)}, {"kind", change.kind}, {"name", change.name}});
  for (const auto& node : outcome.nodes)
    nodes.push_back({{"node", node.node},
                     {"added", node.added},
                     {"changed", node.changed},
                     {"removed", node.removed}});
  return json_answer({{"revision", outcome.revision}, {"changes", changes}, {"nodes", nodes}});
}

// The revision of the query: the change is for that one only.
Result<controller::Controller::Seen> seen_by(const Request& request) {
  const auto asked = request.query.find("revision");
  if (asked == request.query.end()) return controller::Controller::Seen();
  const std::string& text = asked->second;
  uint64_t revision = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (fault != std::errc() || end != text.data() + text.size())
    return Error{ErrorCode::kInvalid, request.method + " " + request.path, "revision",
                 (text.empty() ? "nothing" : text.substr(0, 32)) + " is not a number",
                 "give the revision of a plan or a list, or none"};
  return controller::Controller::Seen(revision);
}

}  // namespace

Answer Rest::apply(const Request& request, const PathValues&) const {
  const auto seen = seen_by(request);
  if (!seen) return refusal(seen.error());
  return answer_of(sources_.controller.apply(request.body, Mode::kCommit, *seen));
}

Answer Rest::plan(const Request& request, const PathValues&) const {
  return answer_of(sources_.controller.apply(request.body, Mode::kPlan));
}

Answer Rest::remove(const Request& request, const PathValues&) const {
  const auto seen = seen_by(request);
  if (!seen) return refusal(seen.error());
  return answer_of(sources_.controller.remove(request.body, Mode::kCommit, *seen));
}

Answer Rest::plan_remove(const Request& request, const PathValues&) const {
  return answer_of(sources_.controller.remove(request.body, Mode::kPlan));
}

Answer Rest::revoke(const Request&, const PathValues& values) const {
  return answer_of(sources_.controller.revoke(values[0]));
}

Answer Rest::remove_one(const Request& request, const PathValues& values) const {
  const auto kind = kind_of_path(values[0]);
  if (!kind) return refusal(kind.error());
  const auto seen = seen_by(request);
  if (!seen) return refusal(seen.error());
  return answer_of(sources_.controller.remove({{*kind, values[1]}}, Mode::kCommit, *seen));
}

}  // namespace farspan::api
