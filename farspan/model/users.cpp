// SPDX-License-Identifier: Apache-2.0
#include "farspan/model/users.h"

#include <algorithm>
#include <set>

namespace farspan::model {
namespace {

template <class Resource>
bool cannot_be_without(const Resource& resource, const ResourceId& target) {
  bool needs_it = false;
  walk(resource, [&](const Place& place, const Field& field, const auto& member) {
    if constexpr (std::is_same_v<decltype(member), const std::string&>) {
      const bool is_own = place.inside.empty() && !place.index && field.is_required;
      if (is_own && field.refers_to != nullptr && member == target.name)
        needs_it = needs_it || position_of(field.refers_to) == target.kind;
    }
  });
  return needs_it;
}

}  // namespace

uint8_t position_of(std::string_view kind) {
  uint8_t position = 0;
  std::apply(
      [&](const auto&... by_name) {
        (void)((kind == std::remove_cvref_t<decltype(by_name)>::mapped_type::kKind ||
                (++position, false)) ||
               ...);
      },
      Kinds());
  FS_CHECK(position < std::tuple_size_v<Kinds>);
  return position;
}

std::string_view kind_of(const ResourceId& id) {
  std::string_view kind;
  uint8_t position = 0;
  std::apply(
      [&](const auto&... by_name) {
        (void)((position++ == id.kind
                    ? (kind = std::remove_cvref_t<decltype(by_name)>::mapped_type::kKind, true)
                    : false) ||
               ...);
      },
      Kinds());
  return kind;
}

Users::Users(const Model& model) {
  std::vector<std::pair<Edge, std::monostate>> edges;
  const auto add_all = [&](const auto& by_name) {
    for (const auto& [name, resource] : by_name) {
      const ResourceId user = ResourceId::of(resource);
      for_each_reference(resource, [&](ResourceId target) {
        edges.push_back({Edge{std::move(target), user}, {}});
      });
    }
  };
  std::apply([&](const auto&... by_name) { (add_all(by_name), ...); }, model.kinds);
  std::sort(edges.begin(), edges.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  edges.erase(std::unique(edges.begin(), edges.end(),
                          [](const auto& a, const auto& b) { return a.first == b.first; }),
              edges.end());
  edges_ = decltype(edges_)::from_sorted(std::move(edges));
}

std::vector<ResourceId> parts_of(const Model& model, const Users& users,
                                 const std::vector<ResourceId>& wanted) {
  const std::set<ResourceId> whole(wanted.begin(), wanted.end());
  std::set<ResourceId> parts, open = whole;
  while (!open.empty()) {
    const ResourceId target = *open.begin();
    open.erase(open.begin());
    users.for_each_id(target, [&](const ResourceId& user) {
      if (whole.contains(user) || parts.contains(user)) return;
      with_resource(model, user, [&](const auto& resource) {
        if (!cannot_be_without(resource, target)) return;
        parts.insert(user);
        open.insert(user);
      });
    });
  }
  return {parts.begin(), parts.end()};
}

}  // namespace farspan::model
