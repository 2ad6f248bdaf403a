// SPDX-License-Identifier: Apache-2.0
// StrongId: a number that cannot be passed where another kind of number is meant.
//
//   using VrfId = StrongId<struct VrfIdTag, uint32_t>;
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>

namespace farspan {

template <class Tag, class Rep>
class StrongId {
 public:
  using rep = Rep;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;

 private:
  Rep value_{};
};

template <class Tag, class Rep>
std::string to_string(StrongId<Tag, Rep> id) {
  return std::to_string(id.value());
}

}  // namespace farspan

template <class Tag, class Rep>
struct std::hash<farspan::StrongId<Tag, Rep>> {
  size_t operator()(farspan::StrongId<Tag, Rep> id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
