// SPDX-License-Identifier: Apache-2.0
// Walk: every described value inside one resource, whatever parts and lists it lies in.
//
// For rules that are the same for every kind: limits, references, secrets. Who must know how a
// field is written (words, either) is a visitor of its own (field.h).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "farspan/model/field.h"

namespace farspan::model {

struct NoVisitor {};

/// A struct that has a describe().
template <class T>
concept Described = requires(NoVisitor& visitor, T& part) {
  describe(visitor, part);
};

template <class T>
inline constexpr bool kIsList = false;
template <class Item>
inline constexpr bool kIsList<std::vector<Item>> = true;

/// Where a value stands in its resource, made into text only by who needs it.
struct Place {
  std::string_view inside;  // "rules[2]", or nothing at the top
  const char* name = "";
  std::optional<size_t> index = {};  // of an item of a list

  /// "rules[2].ports", "local_subnets[0]".
  std::string text() const {
    std::string all(inside);
    if (!all.empty()) all += '.';
    all += name;
    return index ? all + "[" + std::to_string(*index) + "]" : all;
  }
};

template <class Visit>
class Walk {
 public:
  Walk(std::string_view inside, Visit& visit) : inside_(inside), visit_(visit) {}

  template <class Member>
  void operator()(const Field& field, Member& member) {
    using T = std::remove_const_t<Member>;
    if constexpr (kIsList<T>) {
      visit_(Place{inside_, field.name}, field, member);
      for (size_t i = 0; i < member.size(); ++i)
        go_into({inside_, field.name, i}, field, member[i]);
    } else {
      go_into({inside_, field.name}, field, member);
    }
  }
  template <class Member, class Value, size_t kCount>
  void operator()(const Field& field, Member& member, const Words<Value, kCount>&) {
    visit_(Place{inside_, field.name}, field, member);
  }
  void either(const Field& a, const Field& b, auto& member) {
    if (member.index() == 0)
      visit_(Place{inside_, a.name}, a, std::get<0>(member));
    else
      visit_(Place{inside_, b.name}, b, std::get<1>(member));
  }

 private:
  template <class Member>
  void go_into(const Place& place, const Field& field, Member& member) {
    if constexpr (Described<Member>) {
      const std::string inside = place.text();
      Walk walk(inside, visit_);
      describe(walk, member);
    } else {
      visit_(place, field, member);
    }
  }

  std::string_view inside_;
  Visit& visit_;
};

/// Calls `visit(place, field, member)` for every value of `resource` and of the parts in it, and
/// for every list before its items; its Meta is not among them.
template <class Resource, class Visit>
void walk(Resource& resource, Visit&& visit) {
  Walk<Visit> all("", visit);
  describe(all, resource);
}

}  // namespace farspan::model
