// SPDX-License-Identifier: Apache-2.0
// Bounds: what the descriptions of the kinds say of single values (numbers, lengths, characters,
// counts), for all fields alike.
#include "farspan/model/bounds.h"
#include "farspan/model/faults.h"
#include "farspan/model/walk.h"

namespace farspan::model {
namespace {

template <class Member>
std::optional<BoundsFault> check_value(const Field& field, const Member& member) {
  if constexpr (kIsList<Member>) {
    return check_count(field, member.size());
  } else if constexpr (std::is_same_v<Member, std::string>) {
    return check_text(field, member);
  } else if constexpr (std::is_integral_v<Member> && !std::is_same_v<Member, bool> &&
                       sizeof(Member) < sizeof(int64_t)) {
    return check_number(field, member);
  } else {
    return std::nullopt;
  }
}

}  // namespace

void check_bounds(const Model& model, Faults& faults) {
  for_each_resource(model, [&](const std::string&, const auto& resource) {
    const auto visit = [&](const Place& place, const Field& field, const auto& member) {
      if (place.index) return;  // the bounds of a list are those of its length
      if (auto fault = check_value(field, member))
        faults.add(resource, place.text(), std::move(fault->what), std::move(fault->remedy));
    };
    walk(resource, visit);
    // The name has a rule of its own: it is the key, too.
    walk(resource.meta, [&](const Place& place, const Field& field, const auto& member) {
      if (place.name != std::string_view("name")) visit(place, field, member);
    });
  });
}

}  // namespace farspan::model
