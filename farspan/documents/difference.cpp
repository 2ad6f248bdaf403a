// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/difference.h"

#include <algorithm>
#include <map>
#include <set>

#include "farspan/documents/outline.h"
#include "farspan/documents/print.h"

namespace farspan::documents {
namespace {

using Secrets = std::set<std::string>;  // "ike.psk": places without the indexes of lists

void add_secrets(const std::vector<FieldOutline>& fields, const std::string& inside,
                 Secrets& secrets) {
  for (const FieldOutline& outline : fields) {
    const std::string place = inside + outline.field.name;
    if (outline.field.access == model::Access::kSecret) secrets.insert(place);
    add_secrets(outline.parts, place + ".", secrets);
  }
}

const Secrets& secrets_of(std::string_view kind) {
  static const auto kByKind = [] {
    std::map<std::string, Secrets, std::less<>> by_kind;
    for (const KindOutline& outline : kind_outlines())
      add_secrets(outline.fields, "", by_kind[outline.kind]);
    return by_kind;
  }();
  return kByKind.find(kind)->second;
}

// Where a value stands: as people are told, and as it is described.
struct Path {
  std::string told, described;

  Path member(const std::string& name) const {
    const char* dot = told.empty() ? "" : ".";
    return {told + dot + name, described + dot + name};
  }
  Path item(size_t index) const { return {told + "[" + std::to_string(index) + "]", described}; }
};

bool has_parts(const Json& value) {
  return value.is_array() && !value.empty() && value.front().is_object();
}

class Differ {
 public:
  explicit Differ(const Secrets& secrets) : secrets_(secrets) {}

  // null stands for what is not written.
  void compare(const Path& path, const Json& before, const Json& after) {
    if (before == after) return;
    if (before.is_object() || after.is_object()) return compare_parts(path, before, after);
    if (has_parts(before) || has_parts(after)) return compare_lists(path, before, after);
    changes_.push_back({path.told, shown(path.described, before), shown(path.described, after)});
  }

  std::vector<FieldChange> take() { return std::move(changes_); }

 private:
  static const Json& written(const Json& part, const std::string& name) {
    static const Json kNothing;
    if (!part.is_object()) return kNothing;
    const auto found = part.find(name);
    return found == part.end() ? kNothing : *found;
  }

  void compare_parts(const Path& path, const Json& before, const Json& after) {
    if (after.is_object()) {
      for (const auto& [name, value] : after.items())
        compare(path.member(name), written(before, name), value);
    }
    if (!before.is_object()) return;
    for (const auto& [name, value] : before.items()) {
      if (!after.is_object() || !after.contains(name)) compare(path.member(name), value, Json());
    }
  }

  // What both begin and end with is left out; of the rest each is compared with what stood in its
  // place, and those too many are new or gone as a whole.
  void compare_lists(const Path& path, const Json& before, const Json& after) {
    const size_t old_size = before.size(), new_size = after.size();  // of null: 0
    const size_t shorter = std::min(old_size, new_size);
    size_t begin = 0, end = 0;
    while (begin < shorter && before[begin] == after[begin]) ++begin;
    while (end < shorter - begin && before[old_size - 1 - end] == after[new_size - 1 - end]) ++end;
    const size_t old_end = old_size - end, new_end = new_size - end;
    size_t i = begin;
    for (; i < old_end && i < new_end; ++i) compare(path.item(i), before[i], after[i]);
    for (size_t gone = i; gone < old_end; ++gone)
      changes_.push_back({path.item(gone).told, shown(path.described, before[gone]), ""});
    for (; i < new_end; ++i)
      changes_.push_back({path.item(i).told, "", shown(path.described, after[i])});
  }

  std::string shown(const std::string& described, const Json& value) const {
    if (value.is_null()) return "";
    if (secrets_.contains(described))
      return value.is_string() && value.get_ref<const std::string&>().empty() ? "" : kSecretShown;
    if (value.is_string()) return value.get<std::string>();
    std::string text;
    if (value.is_object()) {
      for (const auto& [name, member] : value.items())
        text += (text.empty() ? "" : ", ") + name + " " + shown(described + "." + name, member);
      return text;
    }
    if (!value.is_array()) return value.dump();
    for (const Json& item : value) text += (text.empty() ? "" : ", ") + shown(described, item);
    return text;
  }

  const Secrets& secrets_;
  std::vector<FieldChange> changes_;
};

// All that is kept of a resource, with what people write beside its spec at the front.
Json written_in(const model::AnyResource* resource) {
  if (resource == nullptr) return {};
  const std::string& description = model::meta_of(*resource).description;
  Json all = Json::object();
  if (!description.empty()) all["description"] = description;
  for (const auto& [name, value] : model::meta_of(*resource).labels) all["labels"][name] = value;
  all.update(spec_of(*resource, Form::kStored));
  return all;
}

}  // namespace

std::vector<FieldChange> difference(const model::AnyResource* before,
                                    const model::AnyResource* after) {
  Differ differ(secrets_of(model::kind_of(after != nullptr ? *after : *before)));
  differ.compare({}, written_in(before), written_in(after));
  return differ.take();
}

}  // namespace farspan::documents
