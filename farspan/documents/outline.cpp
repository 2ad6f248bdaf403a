// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/outline.h"

#include <algorithm>
#include <tuple>

#include "farspan/documents/print_fields.h"
#include "farspan/model/model.h"
#include "farspan/model/walk.h"

namespace farspan::documents {
namespace {

using Type = FieldOutline::Type;

template <class Member>
constexpr Type type_of() {
  if constexpr (std::is_same_v<Member, bool>) return Type::kTruth;
  if constexpr (std::is_integral_v<Member>) return Type::kNumber;
  if constexpr (std::is_same_v<Member, net::Address>) return Type::kAddress;
  if constexpr (std::is_same_v<Member, net::Prefix>) return Type::kPrefix;
  if constexpr (std::is_same_v<Member, std::optional<net::Prefix>>) return Type::kPrefix;
  if constexpr (std::is_same_v<Member, model::PortRange>) return Type::kPorts;
  if constexpr (std::is_same_v<Member, model::Labels>) return Type::kLabels;
  return Type::kText;
}

class Outliner {
 public:
  template <class Member>
  void operator()(const model::Field& field, const Member& member) {
    if (field.access == model::Access::kGiven) return;
    FieldOutline& outline = outlines_.emplace_back();
    outline.field = field;
    if constexpr (model::kIsList<Member>) {
      outline.is_list = true;
      fill(outline, typename Member::value_type{});
    } else {
      fill(outline, member);
      if constexpr (std::is_arithmetic_v<Member>) outline.default_value = member;
    }
  }
  template <class Member, size_t kCount>
  void operator()(const model::Field& field, const Member& member,
                  const model::Words<Member, kCount>& words) {
    FieldOutline& outline = outlines_.emplace_back();
    outline.field = field;
    outline.type = Type::kWord;
    outline.default_value = std::string(word_of(words, member));
    for (const auto& known : words) outline.words.push_back({std::string(known.word), known.says});
  }
  template <class... Alternatives>
  void either(const model::Field& a, const model::Field& b, const std::variant<Alternatives...>&) {
    using Variant = std::variant<Alternatives...>;
    add_alternative<std::variant_alternative_t<0, Variant>>(a, b);
    add_alternative<std::variant_alternative_t<1, Variant>>(b, a);
  }

  std::vector<FieldOutline> take() { return std::move(outlines_); }

 private:
  template <class Member>
  void add_alternative(const model::Field& field, const model::Field& other) {
    FieldOutline& outline = outlines_.emplace_back();
    outline.field = field;
    outline.type = type_of<Member>();
    outline.instead_of = other.name;
  }

  template <class Member>
  static void fill(FieldOutline& outline, const Member& member) {
    if constexpr (model::Described<const Member>) {
      Outliner parts;
      describe(parts, member);
      outline.type = Type::kPart;
      outline.parts = parts.take();
    } else {
      outline.type = type_of<Member>();
    }
  }

  std::vector<FieldOutline> outlines_;
};

template <class Resource>
KindOutline make_outline(const model::ByName<Resource>&) {
  Outliner outliner;
  const Resource resource;
  describe(outliner, resource);
  return {Resource::kKind, Resource::kSays, outliner.take()};
}

}  // namespace

const std::vector<KindOutline>& kind_outlines() {
  static const auto kOutlines = std::apply(
      [](const auto&... by_name) { return std::vector<KindOutline>{make_outline(by_name)...}; },
      model::Kinds{});
  return kOutlines;
}

const KindOutline* outline_of(std::string_view kind) {
  const auto& all = kind_outlines();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.kind == kind; });
  return found == all.end() ? nullptr : &*found;
}

const std::vector<FieldOutline>& meta_outline() {
  static const auto kOutline = [] {
    Outliner outliner;
    const model::Meta meta;
    describe(outliner, meta);
    return outliner.take();
  }();
  return kOutline;
}

}  // namespace farspan::documents
