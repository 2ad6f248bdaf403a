// SPDX-License-Identifier: Apache-2.0
// list and get: what is declared, and beside it what is in force.
#include "farspan/api/json.h"
#include "farspan/api/kind_of_path.h"
#include "farspan/api/resource_status.h"
#include "farspan/documents/print.h"
#include "farspan/model/any_resource.h"
#include "farspan/model/kind_names.h"

namespace farspan::api {
namespace {

uint64_t revision_of(const controller::Published& now, const model::AnyResource& resource) {
  const auto found =
      now.revisions.find({std::string(model::kind_of(resource)), model::meta_of(resource).name});
  return found == now.revisions.end() ? 0 : found->second;
}

// It is of what is declared: the status beside it changes without it, so nothing is answered by 304
// (RFC 9110 §8.8.1 would have it change too).
std::string tag_text(uint64_t revision) { return '"' + std::to_string(revision) + '"'; }

Json item_of(const controller::Published& now, const model::AnyResource& resource,
             const ResourceStatus& status) {
  Json item = Json::parse(documents::to_json(resource, revision_of(now, resource), -1));
  item["status"] = status.of(resource);
  return item;
}

}  // namespace

Result<std::string> kind_of_path(const std::string& word) {
  if (const auto kind = model::kind_from(word)) return std::string(kind->kind);
  std::vector<std::string> known;
  for (const auto& kind : model::kind_names()) known.emplace_back(kind.kind);
  const auto near = model::nearest(word, known);
  std::string remedy = "kinds are ";
  for (const auto& kind : known) remedy += (kind == known.front() ? "" : ", ") + kind;
  return Error{ErrorCode::kNotFound, "kind " + word, "kind", "does not exist",
               near ? "did you mean " + *near + "?" : remedy};
}

Answer Rest::list(const Request&, const PathValues& values) const {
  const auto kind = kind_of_path(values[0]);
  if (!kind) return refusal(kind.error());
  const auto now = sources_.controller.published();
  const ResourceStatus status(*now, sources_.reports, std::chrono::steady_clock::now());
  Json items = Json::array();
  for (const auto& resource : model::list(now->model, *kind))
    items.push_back(item_of(*now, resource, status));
  Answer answer = json_answer({{"revision", now->revision}, {"items", items}});
  answer.etag = tag_text(now->revision);
  return answer;
}

Answer Rest::get(const Request&, const PathValues& values) const {
  const auto kind = kind_of_path(values[0]);
  if (!kind) return refusal(kind.error());
  const auto now = sources_.controller.published();
  const auto resource = model::find(now->model, *kind, values[1]);
  if (!resource)
    return refusal(Error{ErrorCode::kNotFound, *kind + " " + values[1], "", "does not exist",
                         "list what exists with: farspan get " + *kind});
  const ResourceStatus status(*now, sources_.reports, std::chrono::steady_clock::now());
  Answer answer = json_answer(item_of(*now, *resource, status));
  answer.etag = tag_text(revision_of(*now, *resource));
  return answer;
}

}  // namespace farspan::api
