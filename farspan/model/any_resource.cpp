// SPDX-License-Identifier: Apache-2.0
#include "farspan/model/any_resource.h"

#include <cinttypes>
#include <cstdio>
#include <set>
#include <type_traits>

#include "farspan/model/kind_names.h"
#include "farspan/model/walk.h"

namespace farspan::model {
namespace {

// Calls `visit(by_name)` for the map of `kind`; false when there is no such kind.
template <class Model, class Visit>
bool with_kind(Model& model, std::string_view kind, Visit&& visit) {
  bool is_found = false;
  std::apply(
      [&](auto&... by_name) {
        const auto try_one = [&](auto& map) {
          using Resource = typename std::remove_cvref_t<decltype(map)>::mapped_type;
          if (is_found || kind != Resource::kKind) return;
          is_found = true;
          visit(map);
        };
        (try_one(by_name), ...);
      },
      model.kinds);
  return is_found;
}

std::vector<std::string*> secrets_of(AnyResource& resource) {
  std::vector<std::string*> secrets;
  std::visit(
      [&](auto& typed) {
        walk(typed, [&](const Place&, const Field& field, auto& member) {
          if constexpr (std::is_same_v<decltype(member), std::string&>) {
            if (field.access == Access::kSecret) secrets.push_back(&member);
          }
        });
      },
      resource);
  return secrets;
}

}  // namespace

std::optional<AnyResource> make(std::string_view kind) {
  std::optional<AnyResource> made;
  const auto try_one = [&]<class Resource>(const ByName<Resource>&) {
    if (kind == Resource::kKind) made = Resource{};
  };
  std::apply([&](const auto&... by_name) { (try_one(by_name), ...); }, Kinds{});
  return made;
}

std::string_view kind_of(const AnyResource& resource) {
  return std::visit([](const auto& r) -> std::string_view { return r.kKind; }, resource);
}

Meta& meta_of(AnyResource& resource) {
  return std::visit([](auto& r) -> Meta& { return r.meta; }, resource);
}

const Meta& meta_of(const AnyResource& resource) {
  return std::visit([](const auto& r) -> const Meta& { return r.meta; }, resource);
}

std::string id_of(const AnyResource& resource) {
  const Meta& meta = meta_of(resource);
  if (!meta.id.empty()) return meta.id;
  return std::string(kind_from(kind_of(resource))->singular) + "-n" + std::to_string(meta.number);
}

std::string label_of(const AnyResource& resource) {
  return std::string(kind_of(resource)) + " " + meta_of(resource).name;
}

std::optional<AnyResource> find(const Model& model, std::string_view kind,
                                const std::string& name) {
  std::optional<AnyResource> found;
  with_kind(model, kind, [&](const auto& by_name) {
    if (const auto entry = by_name.find(name); entry != by_name.end()) found = entry->second;
  });
  return found;
}

std::vector<AnyResource> list(const Model& model, std::string_view kind) {
  std::vector<AnyResource> resources;
  const auto add_all = [&](const auto& by_name) {
    for (const auto& [name, resource] : by_name) resources.emplace_back(resource);
  };
  if (kind.empty()) {
    std::apply([&](const auto&... by_name) { (add_all(by_name), ...); }, model.kinds);
  } else {
    with_kind(model, kind, add_all);
  }
  return resources;
}

void upsert(Model& model, AnyResource resource) {
  std::visit(
      [&](auto& declared) {
        auto& by_name = model.all<std::remove_cvref_t<decltype(declared)>>();
        const std::string name = declared.meta.name;
        if (const auto standing = by_name.find(name); standing != by_name.end())
          declared.meta.number = standing->second.meta.number;
        by_name.insert_or_assign(name, std::move(declared));
      },
      resource);
}

bool erase(Model& model, std::string_view kind, const std::string& name) {
  bool is_erased = false;
  with_kind(model, kind, [&](auto& by_name) { is_erased = by_name.erase(name) == 1; });
  return is_erased;
}

bool rename_references(AnyResource& resource, std::string_view kind, const std::string& from,
                       const std::string& to) {
  bool is_renamed = false;
  std::visit(
      [&](auto& typed) {
        walk(typed, [&](const Place&, const Field& field, auto& member) {
          if constexpr (std::is_same_v<decltype(member), std::string&>) {
            if (field.refers_to == nullptr || kind != field.refers_to || member != from) return;
            member = to;
            is_renamed = true;
          }
        });
      },
      resource);
  return is_renamed;
}

void fill_secrets(AnyResource& declared, const AnyResource* standing,
                  const std::function<std::string()>& make_secret) {
  const auto wanted = secrets_of(declared);
  if (wanted.empty()) return;
  std::optional<AnyResource> before;
  if (standing != nullptr && standing->index() == declared.index()) before = *standing;
  const auto kept = before ? secrets_of(*before) : std::vector<std::string*>();
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i]->empty()) continue;
    const bool has_one = i < kept.size() && !kept[i]->empty();
    *wanted[i] = has_one ? *kept[i] : make_secret();
  }
}

void fill_times(AnyResource& declared, const AnyResource* standing, int64_t now,
                const std::function<uint64_t()>& make_random) {
  Meta& meta = meta_of(declared);
  if (standing == nullptr) {
    char random[17];
    std::snprintf(random, sizeof random, "%016" PRIx64, make_random());
    meta.id = std::string(kind_from(kind_of(declared))->singular) + "-" + random;
    meta.created_at = meta.updated_at = now;
    return;
  }
  const Meta& before = meta_of(*standing);
  meta.id = before.id;
  meta.created_at = before.created_at;
  meta.updated_at = before.updated_at;
  if (declared != *standing) meta.updated_at = now;
}

void fill_identity(AnyResource& declared, const AnyResource* standing, uint64_t revision,
                   const std::function<uint64_t()>& make_random) {
  auto* node = std::get_if<Node>(&declared);
  if (node == nullptr) return;
  const auto* before = standing != nullptr ? std::get_if<Node>(standing) : nullptr;
  node->identity_revision = before != nullptr ? before->identity_revision : revision;
  node->identity_random = before != nullptr ? before->identity_random : make_random();
}

}  // namespace farspan::model
