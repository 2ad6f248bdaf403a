// SPDX-License-Identifier: Apache-2.0
// Users: who names whom: every reference of a model, found from its target.
//
// A sorted set of (target, user), so that "the VpnRoutes of this gateway" is a range, by name. Kept
// beside a model and changed with it, resource by resource; a copy shares what it has in common
// with the original.
//
// Threads: none; a value.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "farspan/base/persistent_map.h"
#include "farspan/model/model.h"
#include "farspan/model/walk.h"

namespace farspan::model {

/// Position of a kind in the order of dependence (Kinds).
template <class Resource, class... All>
constexpr uint8_t position_in(const std::tuple<ByName<All>...>*) {
  uint8_t position = 0;
  (void)((std::is_same_v<Resource, All> || (++position, false)) || ...);
  return position;
}
template <class Resource>
inline constexpr uint8_t kKindPosition = position_in<Resource>(static_cast<const Kinds*>(nullptr));

/// A resource by kind and name.
struct ResourceId {
  uint8_t kind = 0;  // kKindPosition
  std::string name;
  auto operator<=>(const ResourceId&) const = default;

  template <class Resource>
  static ResourceId of(const Resource& resource) {
    return {kKindPosition<Resource>, resource.meta.name};
  }
};

/// The position of the kind that is called `kind`. @pre there is one
uint8_t position_of(std::string_view kind);
/// The other way round.
std::string_view kind_of(const ResourceId& id);

/// Calls `visit(ResourceId of the target)` for each resource that `resource` names.
template <class Resource, class Visit>
void for_each_reference(const Resource& resource, Visit&& visit) {
  walk(resource, [&](const Place&, const Field& field, const auto& member) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(member)>, std::string>) {
      if (field.refers_to != nullptr) visit(ResourceId{position_of(field.refers_to), member});
    }
  });
}

/// Calls `visit(resource)` with the resource that `id` names in `model`, if there is one.
template <class Visit>
void with_resource(const Model& model, const ResourceId& id, Visit&& visit) {
  std::apply(
      [&](const auto&... by_name) {
        uint8_t position = 0;
        const auto try_one = [&](const auto& map) {
          if (position++ != id.kind) return;
          if (const auto found = map.find(id.name); found != map.end()) visit(found->second);
        };
        (try_one(by_name), ...);
      },
      model.kinds);
}

class Users {
 public:
  Users() = default;
  explicit Users(const Model& model);

  template <class Resource>
  void add(const Resource& resource) {
    const ResourceId user = ResourceId::of(resource);
    for_each_reference(resource, [&](ResourceId target) {
      edges_.try_emplace({std::move(target), user});
    });
  }
  template <class Resource>
  void remove(const Resource& resource) {
    const ResourceId user = ResourceId::of(resource);
    for_each_reference(resource, [&](ResourceId target) {
      edges_.erase({std::move(target), user});
    });
  }

  /// Calls `visit(resource)` for each resource of kind `User` that names `target`, by name.
  template <class User, class Visit>
  void for_each(const Model& model, const ResourceId& target, Visit&& visit) const {
    for_each_name<User>(target, [&](const std::string& name) {
      if (const User* user = model.find<User>(name)) visit(*user);
    });
  }
  template <class User, class Target, class Visit>
  void for_each_of(const Model& model, const std::string& target, Visit&& visit) const {
    for_each<User>(model, ResourceId{kKindPosition<Target>, target}, std::forward<Visit>(visit));
  }
  /// Calls `visit(ResourceId)` for every user of `target`.
  template <class Visit>
  void for_each_id(const ResourceId& target, Visit&& visit) const {
    for (auto edge = edges_.lower_bound({target, {}});
         edge != edges_.end() && edge->first.target == target; ++edge)
      visit(edge->first.user);
  }

  bool operator==(const Users&) const = default;

 private:
  struct Edge {
    ResourceId target, user;
    auto operator<=>(const Edge&) const = default;
  };

  template <class User, class Visit>
  void for_each_name(const ResourceId& target, Visit&& visit) const {
    const uint8_t kind = kKindPosition<User>;
    for (auto edge = edges_.lower_bound({target, {kind, {}}});
         edge != edges_.end() && edge->first.target == target && edge->first.user.kind == kind;
         ++edge)
      visit(edge->first.user.name);
  }

  PersistentMap<Edge, std::monostate> edges_;
};

/// What cannot be without one of `wanted`, without these themselves: what names one of them in a
/// field of its own that is required, and so on; in the order of kinds and names. Whoever names it
/// in a list, or in a rule, can be without it, and is not among them. @pre `users` is of `model`
std::vector<ResourceId> parts_of(const Model& model, const Users& users,
                                 const std::vector<ResourceId>& wanted);

}  // namespace farspan::model
