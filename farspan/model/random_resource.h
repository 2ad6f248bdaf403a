// SPDX-License-Identifier: Apache-2.0
// RandomResource: any resource that keeps to its description: bounds, words, characters. Whether it
// fits a network is another question.
//
// Only tests include this. Names and texts are those that formats get wrong.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "farspan/model/any_resource.h"
#include "farspan/model/walk.h"

namespace farspan::model::testing {

class RandomResource {
 public:
  explicit RandomResource(uint32_t seed) : rng_(seed) {}

  AnyResource next() {
    std::vector<AnyResource> kinds;
    std::apply(
        [&](const auto&... by_name) {
          (kinds.emplace_back(typename std::remove_cvref_t<decltype(by_name)>::mapped_type{}), ...);
        },
        Kinds{});
    AnyResource resource = kinds[below(kinds.size())];
    std::visit([&](auto& typed) { describe(*this, typed); }, resource);
    Meta& meta = meta_of(resource);
    describe(*this, meta);
    meta.name = name();
    meta.number = 0;
    meta.id.clear();
    meta.created_at = meta.updated_at = 0;
    return resource;
  }

  // The visitor of descriptions.
  template <class Member>
  void operator()(const Field& field, Member& member) {
    if constexpr (kIsList<Member>) {
      const auto most = static_cast<size_t>(std::min<int64_t>(field.most, field.least + 5));
      member.resize(static_cast<size_t>(field.least) +
                    below(most + 1 - static_cast<size_t>(field.least)));
      for (auto& item : member) fill(field, item);
    } else {
      fill(field, member);
    }
  }
  template <class Member, size_t kCount>
  void operator()(const Field&, Member& member, const Words<Member, kCount>& words) {
    member = words[below(kCount)].value;
  }
  template <class... Alternatives>
  void either(const Field& a, const Field& b, std::variant<Alternatives...>& member) {
    if (coin())
      fill(a, member.template emplace<0>());
    else
      fill(b, member.template emplace<1>());
  }

 private:
  size_t below(size_t bound) { return rng_() % bound; }
  bool coin() { return below(2) == 0; }

  template <class Member>
  void fill(const Field& field, Member& member) {
    if constexpr (Described<Member>)
      describe(*this, member);
    else if constexpr (std::is_same_v<Member, bool>)
      member = coin();
    else if constexpr (std::is_integral_v<Member>)
      member = number<Member>(field);
    else if constexpr (std::is_same_v<Member, std::string>)
      member = text(field);
    else if constexpr (std::is_same_v<Member, net::Address>)
      member = address();
    else if constexpr (std::is_same_v<Member, net::Prefix>)
      member = prefix();
    else if constexpr (std::is_same_v<Member, PortRange>)
      member = ports();
    else if constexpr (std::is_same_v<Member, Labels>)
      member = labels();
    else if (coin())
      member = prefix();  // optional
  }

  template <class Number>
  Number number(const Field& field) {
    if (!field.has_bounds()) return static_cast<Number>(rng_());
    return static_cast<Number>(field.least + static_cast<int64_t>(below(static_cast<size_t>(
                                                 field.most - field.least + 1))));
  }
  net::Address address() { return net::Address::v4(static_cast<uint32_t>(rng_())); }
  net::Prefix prefix() { return net::Prefix::covering(address(), static_cast<int>(below(33))); }
  PortRange ports() {
    const auto low = static_cast<uint16_t>(1 + below(65535));
    return coin() ? PortRange{} : PortRange{low, static_cast<uint16_t>(low + below(65536u - low))};
  }

  Labels labels() {
    static constexpr const char* kWords[] = {"team", "yes", "1e3", "a.b/c", "on", "x_y", "007"};
    Labels made;
    for (size_t left = below(4); left > 0; --left)
      made[kWords[below(std::size(kWords))]] = coin() ? "" : kWords[below(std::size(kWords))];
    return made;
  }
  std::string name() {
    static constexpr const char* kNames[] = {"a",  "web", "office-1", "true", "null", "x-9",
                                             "no", "e5",  "z",        "on",   "y"};
    return kNames[below(std::size(kNames))];
  }
  std::string text(const Field& field) {
    if (field.refers_to != nullptr) return name();
    if (field.punctuation == nullptr) return free_text();
    static constexpr std::string_view kAlphanumeric =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const std::string letters = std::string(kAlphanumeric) + field.punctuation;
    std::string made;
    for (size_t left = below(static_cast<size_t>(field.most) + 1); left > 0; --left)
      made += letters[below(letters.size())];
    return made;
  }
  std::string free_text() {
    static constexpr const char* kTexts[] = {"",
                                             "plain",
                                             "with: colon",
                                             "# no comment",
                                             "\"quoted\" \\ back",
                                             "ü€😀",
                                             "- list",
                                             "~",
                                             "{brace}",
                                             " lead and trail ",
                                             "1.5",
                                             "0x10",
                                             "'",
                                             "null",
                                             "yes",
                                             "on",
                                             "007",
                                             "80",
                                             "1e3",
                                             "2024-01-01",
                                             "12:30:45",
                                             ".inf",
                                             "=",
                                             "<<",
                                             "%any",
                                             "a, b",
                                             "[x]",
                                             "a #b",
                                             "&a",
                                             "*a",
                                             "!!str a",
                                             "|",
                                             ">",
                                             "@at",
                                             "`tick`",
                                             "172.16.1.10",
                                             "0o14",
                                             "1_000",
                                             "+1",
                                             "-",
                                             "?",
                                             ": ",
                                             "a: b"};
    return kTexts[below(std::size(kTexts))];
  }

  std::mt19937 rng_;
};

}  // namespace farspan::model::testing
