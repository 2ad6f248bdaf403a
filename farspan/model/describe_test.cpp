// SPDX-License-Identifier: Apache-2.0
// Every member of every kind is described once, and every description says what people need.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "farspan/model/any_resource.h"
#include "farspan/model/kind_names.h"
#include "farspan/model/walk.h"

namespace farspan::model {
namespace {

struct Anything {
  template <class T>
  operator T() const {  // NOLINT: implicit by design; only named, never called
    std::abort();
  }
};

template <class T, class... Given>
consteval size_t member_count() {
  if constexpr (requires { T{std::declval<Given>()..., std::declval<Anything>()}; })
    return member_count<T, Given..., Anything>();
  else
    return sizeof...(Given);
}

using Addresses = std::multiset<const void*>;

template <class... Members>
Addresses addresses_of(const Members&... members) {
  return {static_cast<const void*>(&members)...};
}

// Where the members of a struct are, by the compiler's account.
template <class T>
Addresses members_of(const T& t) {
  constexpr size_t kCount = member_count<T>();
  static_assert(kCount >= 1 && kCount <= 11, "add a line for structs of so many members");
  if constexpr (kCount == 1) {
    const auto& [a] = t;
    return addresses_of(a);
  } else if constexpr (kCount == 2) {
    const auto& [a, b] = t;
    return addresses_of(a, b);
  } else if constexpr (kCount == 3) {
    const auto& [a, b, c] = t;
    return addresses_of(a, b, c);
  } else if constexpr (kCount == 4) {
    const auto& [a, b, c, d] = t;
    return addresses_of(a, b, c, d);
  } else if constexpr (kCount == 5) {
    const auto& [a, b, c, d, e] = t;
    return addresses_of(a, b, c, d, e);
  } else if constexpr (kCount == 6) {
    const auto& [a, b, c, d, e, f] = t;
    return addresses_of(a, b, c, d, e, f);
  } else if constexpr (kCount == 7) {
    const auto& [a, b, c, d, e, f, g] = t;
    return addresses_of(a, b, c, d, e, f, g);
  } else if constexpr (kCount == 8) {
    const auto& [a, b, c, d, e, f, g, h] = t;
    return addresses_of(a, b, c, d, e, f, g, h);
  } else if constexpr (kCount == 9) {
    const auto& [a, b, c, d, e, f, g, h, i] = t;
    return addresses_of(a, b, c, d, e, f, g, h, i);
  } else if constexpr (kCount == 10) {
    const auto& [a, b, c, d, e, f, g, h, i, j] = t;
    return addresses_of(a, b, c, d, e, f, g, h, i, j);
  } else {
    const auto& [a, b, c, d, e, f, g, h, i, j, k] = t;
    return addresses_of(a, b, c, d, e, f, g, h, i, j, k);
  }
}

// Goes through one struct and all that is in it, and judges each description.
class Judge {
 public:
  explicit Judge(std::string of) : of_(std::move(of)) {}

  template <class Member>
  void operator()(const Field& field, const Member& member) {
    reached_.insert(&member);
    judge(field);
    if constexpr (!Described<const Member> && !kIsList<Member>) {
      EXPECT_TRUE(field.is_required || field.access == Access::kGiven || has_default<Member>(field))
          << label(field) << " does not say what leaving it out means";
    }
    if constexpr (kIsList<Member>) {
      EXPECT_GT(field.most, 0) << label(field) << " is a list without a bound";
      if constexpr (Described<const typename Member::value_type>)
        judge_part(field, typename Member::value_type{});
    }
    if constexpr (Described<const Member>) judge_part(field, member);
  }
  template <class Member, size_t kCount>
  void operator()(const Field& field, const Member& member, const Words<Member, kCount>& words) {
    reached_.insert(&member);
    judge(field);
    EXPECT_EQ(words.front().value, member) << label(field) << ": the first word is the default";
    std::set<std::string_view> seen;
    std::set<Member> values;
    for (const auto& word : words) {
      EXPECT_TRUE(seen.insert(word.word).second && values.insert(word.value).second)
          << label(field) << " has " << word.word << " twice";
      EXPECT_EQ(value_of(words, word.word), word.value);
      EXPECT_EQ(word_of(words, word.value), word.word);
    }
  }
  void either(const Field& a, const Field& b, const auto& member) {
    reached_.insert(&member);
    judge(a);
    judge(b);
    EXPECT_STRNE(a.example, "");
    EXPECT_STRNE(b.example, "");
  }

  const Addresses& reached() const { return reached_; }

 private:
  std::string label(const Field& field) const { return of_ + "." + field.name; }

  template <class Member>
  static bool has_default(const Field& field) {
    constexpr bool kIsValue = std::is_arithmetic_v<Member>;  // the member's own is one to write
    return kIsValue || std::string_view(field.if_left_out) != "" ||
           std::string_view(field.example) != "";
  }

  void judge(const Field& field) {
    const std::string_view name = field.name, says = field.says;
    EXPECT_TRUE(names_.insert(field.name).second) << label(field) << " is described twice";
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), name.npos) << label(field);
    EXPECT_TRUE(says.size() > 10 && says.back() == '.') << label(field) << ": " << says;
    EXPECT_LE(field.least, field.most) << label(field);
    EXPECT_TRUE(!field.is_required || *field.example != '\0') << label(field);
    EXPECT_TRUE(field.refers_to == nullptr || make(field.refers_to)) << label(field);
  }

  template <class Part>
  void judge_part(const Field& field, const Part& part) {
    Judge judge(label(field));
    describe(judge, part);
    EXPECT_EQ(judge.reached(), members_of(part)) << label(field) << ": a member is not described";
  }

  std::string of_;
  std::set<std::string> names_;
  Addresses reached_;
};

template <class Resource>
void judge_kind() {
  const Resource resource;
  Judge judge(Resource::kKind);
  describe(judge, resource);
  Addresses reached = judge.reached();
  reached.insert(&resource.meta);  // described for all kinds in meta.h
  EXPECT_EQ(reached, members_of(resource)) << Resource::kKind << ": a member is not described";
}

TEST(Describe, ReachesEveryMemberOfEveryKindOnce) {
  std::apply(
      [](const auto&... by_name) {
        (judge_kind<typename std::remove_cvref_t<decltype(by_name)>::mapped_type>(), ...);
      },
      Kinds{});
  const Meta meta;
  Judge judge("Meta");
  describe(judge, meta);
  EXPECT_EQ(judge.reached(), members_of(meta));
}

// What the test above rests on: it sees a member that nobody describes.
struct Forgetful {
  std::string told, forgotten;
};
void describe(auto& visit, Is<Forgetful> auto& forgetful) {
  visit({.name = "told", .says = "A member that is told."}, forgetful.told);
}

TEST(Describe, AForgottenMemberIsSeen) {
  const Forgetful forgetful;
  Addresses reached;
  walk(forgetful, [&](const Place&, const Field&, const auto& member) { reached.insert(&member); });
  EXPECT_NE(reached, members_of(forgetful));
  reached.insert(&forgetful.forgotten);
  EXPECT_EQ(reached, members_of(forgetful));
}

TEST(Walk, NamesThePlaceOfEveryValue) {
  SecurityGroup group{{}, "v", true, {SecurityRule{}, SecurityRule{}}};
  group.rules[1].peer = "other";
  std::vector<std::string> places;
  walk(group,
       [&](const Place& place, const Field&, const auto&) { places.push_back(place.text()); });
  const std::vector<std::string> expected = {
      "vpc",
      "inner_access",
      "rules",
      "rules[0].direction",
      "rules[0].protocol",
      "rules[0].ports",
      "rules[0].peer_cidr",
      "rules[0].action",
      "rules[0].priority",
      "rules[0].description",
      "rules[1].direction",
      "rules[1].protocol",
      "rules[1].ports",
      "rules[1].peer_group",
      "rules[1].action",
      "rules[1].priority",
      "rules[1].description",
  };
  EXPECT_EQ(places, expected);
}

}  // namespace
}  // namespace farspan::model
