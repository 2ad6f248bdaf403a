// SPDX-License-Identifier: Apache-2.0
// Faults: what validate() collects while its rules look at a model, and the order in which it is
// told.
//
// Rules are written by subject (addresses, overlaps, …), people look for faults by resource: the
// faults are sorted by kind and name, and keep the order of the rules for one resource.
//
// Internal to model/: only validate*.cpp include it.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/model/model.h"
#include "farspan/model/users.h"
#include "farspan/model/validate.h"

namespace farspan::model {

/// Calls `visit(name, resource)` for every resource of every kind, in order.
template <class Visit>
void for_each_resource(const Model& model, Visit&& visit) {
  std::apply(
      [&](const auto&... by_name) {
        (std::for_each(by_name.begin(), by_name.end(),
                       [&](const auto& entry) { visit(entry.first, entry.second); }),
         ...);
      },
      model.kinds);
}

/// Which resource a fault is about: comparable in the order of kinds and names.
struct Owner {
  size_t kind_position = 0;
  const char* kind = "";
  std::string name;
  uint32_t number = 0;

  template <class Resource>
  static Owner of(const Resource& resource) {
    return {kKindPosition<Resource>, Resource::kKind, resource.meta.name, resource.meta.number};
  }
  std::string label() const { return std::string(kind) + " " + name; }
  bool operator==(const Owner& other) const {
    return kind_position == other.kind_position && name == other.name;
  }
  bool operator<(const Owner& other) const {
    return std::tie(kind_position, name) < std::tie(other.kind_position, other.name);
  }
  /// Declared later: numbers grow, and one that was not stored yet (0) is the newest.
  bool is_newer_than(const Owner& other) const {
    const uint64_t mine = number != 0 ? number : uint64_t{1} << 32;
    const uint64_t theirs = other.number != 0 ? other.number : uint64_t{1} << 32;
    return mine != theirs ? mine > theirs : other < *this;
  }
};

class Faults {
 public:
  Faults(const Model& model, const Model& before) : model_(model), before_(before) {}

  const Model& model() const { return model_; }
  const Model& before() const { return before_; }

  /// `cause` changed and `resource` did not: what is wrong between the two is the doing of `cause`.
  template <class Cause, class Resource>
  bool is_done_by(const Cause& cause, const Resource& resource) const {
    return is_changed(cause) && !is_changed(resource);
  }
  template <class Resource>
  bool is_changed(const Resource& resource) const {
    const Resource* stood = before_.find<Resource>(resource.meta.name);
    return stood == nullptr || !(*stood == resource);
  }
  bool is_changed(const Owner& owner) const {
    bool is = true;
    with_resource(model_, {static_cast<uint8_t>(owner.kind_position), owner.name},
                  [&](const auto& now) { is = is_changed(now); });
    return is;
  }

  void add(const Owner& owner, std::string field, std::string what, std::string remedy,
           ErrorCode code = ErrorCode::kInvalid) {
    faults_.push_back(
        {owner, {code, owner.label(), std::move(field), std::move(what), std::move(remedy)}});
  }
  template <class Resource>
  void add(const Resource& resource, std::string field, std::string what, std::string remedy) {
    add(Owner::of(resource), std::move(field), std::move(what), std::move(remedy));
  }

  /// The Target that `resource` names in `field`; nullptr after reporting that it is missing, does
  /// not exist, or may not be removed while it is named here.
  template <class Target, class Resource>
  const Target* refer(const Resource& resource, const std::string& field, const std::string& name) {
    if (const Target* found = model_.find<Target>(name)) return found;
    const std::string user = Owner::of(resource).label();
    if (name.empty()) {
      add(resource, field, "is missing", std::string("name a ") + Target::kKind);
    } else if (const Target* removed = before_.find<Target>(name)) {
      add(Owner::of(*removed), "", "is in use: " + field + " of " + user + " names it",
          "delete " + user + " before or together with it, or let it name another",
          ErrorCode::kConflict);
    } else {
      add(resource, field, name + " does not exist",
          std::string("declare ") + Target::kKind + " " + name + existing<Target>());
    }
    return nullptr;
  }

  /// All of them, by kind and name; the same fault found twice is told once.
  Errors in_order() && {
    std::stable_sort(faults_.begin(), faults_.end(),
                     [](const Fault& a, const Fault& b) { return a.owner < b.owner; });
    Errors errors;
    for (Fault& fault : faults_) {
      if (errors.empty() || errors.back() != fault.error) errors.push_back(std::move(fault.error));
    }
    return errors;
  }

 private:
  struct Fault {
    Owner owner;
    Error error;
  };

  // " or name one that does: shanghai, us-east", as far as the list stays readable.
  template <class Target>
  std::string existing() const {
    const auto& all = model_.all<Target>();
    if (all.empty() || all.size() > 8) return " or name one that does";
    std::string text = " or name one that does: ";
    for (const auto& [name, target] : all) text += (name == all.begin()->first ? "" : ", ") + name;
    return text;
  }

  const Model& model_;
  const Model& before_;
  std::vector<Fault> faults_;
};

/// The resources of one kind: those that did not change, then those that did, each the oldest first
/// (one that was not stored yet is the newest). Of two that cannot both stand the later one is
/// blamed: what changed, whatever its name or number is.
template <class Resource>
std::vector<const Resource*> by_age(const Faults& faults) {
  struct Aged {
    bool is_changed;
    uint32_t age;
    const Resource* resource;
  };
  std::vector<Aged> aged;
  for (const auto& [name, resource] : faults.model().all<Resource>())
    aged.push_back({faults.is_changed(resource), resource.meta.number - 1, &resource});
  std::stable_sort(aged.begin(), aged.end(), [](const Aged& a, const Aged& b) {
    return std::tie(a.is_changed, a.age) < std::tie(b.is_changed, b.age);  // 0 became the highest
  });
  std::vector<const Resource*> resources;
  for (const Aged& each : aged) resources.push_back(each.resource);
  return resources;
}

// The rules, one file per subject.
void check_names(const Model& model, Faults& faults);      // validate_names.cpp
void check_bounds(const Model& model, Faults& faults);     // validate_bounds.cpp
void check_nodes(const Model& model, Faults& faults);      // validate_nodes.cpp
void check_networks(const Model& model, Faults& faults);   // validate_networks.cpp: Vpc, VSwitch
void check_instances(const Model& model, Faults& faults);  // validate_instances.cpp
void check_security_groups(const Model& model, Faults& faults);  // validate_security_groups.cpp
void check_vpn_gateways(const Model& model,
                        Faults& faults);  // validate_vpn_gateways.cpp, customer gateways too
void check_ipsec_connections(const Model& model, Faults& faults);  // validate_ipsec_connections.cpp
void check_vpn_routes(const Model& model, Faults& faults);         // validate_vpn_routes.cpp
void check_cens(const Model& model, Faults& faults);               // validate_cens.cpp
void check_overlaps(const Model& model, Faults& faults);           // validate_overlaps.cpp

/// Reports a prefix that is not IPv4 or that touches a reserved range; true when neither.
bool is_usable_prefix(const Owner& owner, const std::string& field, const net::Prefix& prefix,
                      Faults& faults);

/// `text` in quotes, for values that may hold anything: only what is harmless on a terminal, and
/// not too much of it.
std::string shown(const std::string& text);

/// "10.0.0.0/8, 172.16.0.0/16".
std::string listed(const std::vector<net::Prefix>& prefixes);

/// "remote_subnets[2]".
std::string indexed(const char* field, size_t index);

}  // namespace farspan::model
