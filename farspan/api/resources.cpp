// SPDX-License-Identifier: Apache-2.0
// list and get: what is declared, and beside it what is in force.
#include "farspan/api/filter.h"
#include "farspan/api/json.h"
#include "farspan/api/kind_of_path.h"
#include "farspan/api/page.h"
#include "farspan/api/resource_status.h"
#include "farspan/api/work.h"
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

// The document with what is in force put into it; documents are text already.
std::string item_of(const controller::Published& now, const model::AnyResource& resource,
                    const ResourceStatus& status) {
  std::string item = documents::to_json(resource, revision_of(now, resource), -1);
  item.pop_back();  // the '}' at its end
  return item + ",\"status\":" + to_text(status.of(resource)) + "}";
}

// Calls `visit(resource)` for each resource of `kind` that comes after `after`, until it returns
// false.
template <class Visit>
void for_each_after(const model::Model& model, std::string_view kind, const std::string& after,
                    Visit&& visit) {
  std::apply(
      [&](const auto&... by_name) {
        const auto try_one = [&](const auto& map) {
          using Resource = typename std::remove_cvref_t<decltype(map)>::mapped_type;
          if (kind != Resource::kKind) return;
          auto next = map.lower_bound(after);
          if (next != map.end() && next->first == after) ++next;
          while (next != map.end() && visit(model::AnyResource(next->second))) ++next;
        };
        (try_one(by_name), ...);
      },
      model.kinds);
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

Result<std::shared_ptr<const controller::Published>> Rest::at_page(const Page& page) const {
  if (!page.revision) return sources_.controller.published();
  auto then = sources_.controller.published_at(*page.revision);
  if (then != nullptr) return then;
  return Error{ErrorCode::kConflict, "the list", "continue",
               "is of revision " + std::to_string(*page.revision) + ", which is no longer kept",
               "list again from the start"};
}

Answer Rest::list(const Request& request, const PathValues& values) const {
  const auto kind = kind_of_path(values[0]);
  if (!kind) return refusal(kind.error());
  const auto page = page_of(request);
  if (!page) return refusal(page.error());
  const auto at = at_page(*page);
  if (!at) return refusal(at.error());
  const controller::Published& now = **at;
  const auto filter = Filter::of(request, *kind);
  if (!filter) return refusal(filter.error());
  const ResourceStatus status(now, sources_.reports, std::chrono::steady_clock::now());
  std::string text = "{\"revision\":" + std::to_string(now.revision) + ",\"items\":[";
  std::string last;
  size_t count = 0;
  bool has_more = false;
  for_each_after(now.model, *kind, page->after, [&](const model::AnyResource& resource) {
    if (request.stop.stop_requested()) return false;
    const std::string item = item_of(now, resource, status);
    if (!filter->empty() && !filter->admits(Json::parse(item))) return true;
    has_more = count == page->limit;
    if (has_more) return false;
    text += (count++ == 0 ? "" : ",") + item;
    last = model::meta_of(resource).name;
    return true;
  });
  if (request.stop.stop_requested()) return took_too_long();
  text += "]";
  if (has_more) {
    sources_.controller.keep(*at);
    text += ",\"continue\":" + to_text(continuation(now.revision, last));
  }
  Answer answer{200, "application/json", text + "}\n", ""};
  answer.etag = tag_text(now.revision);
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
  Answer answer{200, "application/json", item_of(*now, *resource, status) + "\n", ""};
  answer.etag = tag_text(revision_of(*now, *resource));
  return answer;
}

}  // namespace farspan::api
