// SPDX-License-Identifier: Apache-2.0
#include "farspan/api/filter.h"

#include <algorithm>
#include <array>

#include "farspan/documents/outline.h"

namespace farspan::api {
namespace {

constexpr std::array<std::string_view, 3> kBeside = {"name", "description", "number"};
constexpr std::array<std::string_view, 7> kOfStatus = {
    "in_force", "reason", "state", "node", "ike_state", "child_state", "connected"};

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  for (size_t from = 0; from <= text.size();) {
    const size_t end = std::min(text.find(at, from), text.size());
    parts.emplace_back(text.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

template <class Names>
bool has(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The field of a spec that `path` leads to, or nullptr.
const documents::FieldOutline* field_at(const std::string& kind,
                                        const std::vector<std::string>& path) {
  const auto* outline = documents::outline_of(kind);
  const auto* fields = outline == nullptr ? nullptr : &outline->fields;
  const documents::FieldOutline* at = nullptr;
  for (size_t i = 1; i < path.size(); ++i) {
    if (fields == nullptr) return nullptr;
    const auto found = std::find_if(fields->begin(), fields->end(),
                                    [&](const auto& field) { return path[i] == field.field.name; });
    if (found == fields->end()) return nullptr;
    at = &*found;
    fields = &found->parts;
  }
  return at != nullptr && at->field.access == model::Access::kDeclared && at->parts.empty()
             ? at
             : nullptr;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_text(value);
}

// `at` may be a part, or a list of parts, on the way to the field.
bool meets(const Json& at, const std::vector<std::string>& path, size_t step,
           const std::string& wanted, const Json& if_left_out) {
  if (at.is_array())
    return std::any_of(at.begin(), at.end(), [&](const Json& item) {
      return meets(item, path, step, wanted, if_left_out);
    });
  if (step == path.size()) return text_of(at) == wanted;
  const auto next = at.is_object() ? at.find(path[step]) : at.end();
  if (at.is_object() && next != at.end()) return meets(*next, path, step + 1, wanted, if_left_out);
  return !if_left_out.is_null() && text_of(if_left_out) == wanted;
}

}  // namespace

Result<Filter> Filter::of(const Request& request, const std::string& kind) {
  Filter filter;
  const auto asked = request.query.find("where");
  if (asked == request.query.end()) return filter;
  const auto bad = [&](std::string what, std::string remedy) {
    return Error{ErrorCode::kInvalid, request.method + " " + request.path, "where", std::move(what),
                 std::move(remedy)};
  };
  for (const std::string& text : split(asked->second, ',')) {
    const size_t equals = text.find('=');
    const std::string shown = text.substr(0, 64);
    if (equals == std::string::npos)
      return bad("\"" + shown + "\" is no condition",
                 "write FIELD=VALUE, such as spec.vpn_gateway=us-east or status.in_force=false");
    Condition condition{split(text.substr(0, equals), '.'), text.substr(equals + 1), nullptr};
    auto& path = condition.path;
    // A key of a label may have dots of its own.
    if (path[0] == "labels" && path.size() > 1) path = {path[0], text.substr(7, equals - 7)};
    const bool is_label = path[0] == "labels" && path.size() == 2 && !path[1].empty();
    const bool is_beside = path.size() == 1 && has(kBeside, path[0]);
    const bool is_of_status = path.size() == 2 && path[0] == "status" && has(kOfStatus, path[1]);
    const auto* field = path[0] == "spec" ? field_at(kind, path) : nullptr;
    if (!is_beside && !is_label && !is_of_status && field == nullptr)
      return bad("\"" + shown.substr(0, equals) + "\" is no field of a " + kind +
                     " that a list can be chosen by",
                 "see farspan explain " + kind +
                     "; fields of the spec begin with spec., labels with labels.");
    if (field != nullptr) condition.if_left_out = field->default_value;
    filter.conditions_.push_back(std::move(condition));
  }
  return filter;
}

bool Filter::admits(const Json& item) const {
  return std::all_of(conditions_.begin(), conditions_.end(), [&](const Condition& condition) {
    return meets(item, condition.path, 0, condition.value, condition.if_left_out);
  });
}

}  // namespace farspan::api
