// SPDX-License-Identifier: Apache-2.0
#include "farspan/base/persistent_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace farspan {
namespace {

template <class Map>
class PersistentMapTest : public testing::Test {};
using Maps =
    testing::Types<PersistentMap<int, std::string, false>, PersistentMap<int, std::string, true>>;
TYPED_TEST_SUITE(PersistentMapTest, Maps);

template <class Map>
std::map<int, std::string> contents(const Map& map) {
  return {map.begin(), map.end()};
}

TYPED_TEST(PersistentMapTest, IsAskedAfterItsLastEntryWent) {
  TypeParam map = {{1, "a"}};
  const TypeParam before = map;
  EXPECT_EQ(map.erase(1), 1u);
  EXPECT_EQ(map.find(1), map.end());
  EXPECT_EQ(map.lower_bound(0), map.end());
  EXPECT_EQ(map.begin(), map.end());
  EXPECT_EQ(map, TypeParam());
  EXPECT_EQ(before.at(1), "a");
  map[2] = "b";
  EXPECT_EQ(map.at(2), "b");
}

// Random changes to a std::map and to ours, which now and then is copied: every copy stays what it
// was, and the differences between any two are those between the std::maps.
TYPED_TEST(PersistentMapTest, IsAStdMapWhoseCopiesStayWhatTheyWere) {
  std::mt19937 rng(1);
  TypeParam map;
  std::map<int, std::string> expected;
  std::vector<std::pair<TypeParam, std::map<int, std::string>>> kept;
  for (int turn = 0; turn < 20'000; ++turn) {
    const int key = static_cast<int>(rng() % 2000);
    const std::string value = std::to_string(rng() % 3);
    switch (rng() % 5) {
      case 0:
        EXPECT_EQ(map.erase(key), expected.erase(key));
        break;
      case 1:
        EXPECT_EQ(map.emplace(key, value).second, expected.emplace(key, value).second);
        break;
      case 2:
        map[key] = value;
        expected[key] = value;
        break;
      default:
        map.insert_or_assign(key, value);
        expected.insert_or_assign(key, value);
    }
    if (turn % 1000 == 0) kept.emplace_back(map, expected);
    const auto found = map.find(key);
    ASSERT_EQ(found != map.end(), expected.contains(key));
    const auto above = map.lower_bound(key);
    const auto wanted = expected.lower_bound(key);
    ASSERT_EQ(above == map.end(), wanted == expected.end());
    if (wanted != expected.end()) {
      ASSERT_EQ(above->first, wanted->first);
    }
  }
  ASSERT_EQ(contents(map), expected);
  for (const auto& [a, kept_content] : kept) {
    const auto& old = kept_content;  // clang 14 captures no structured binding
    ASSERT_EQ(contents(a), old);
    EXPECT_EQ(a.size(), old.size());
    for (const auto& [b, now] : kept) {
      EXPECT_EQ(a == b, old == now);
      auto made = old;
      TypeParam::differences(
          a, b, [&](int key, const std::string* before, const std::string* after) {
            EXPECT_EQ(before != nullptr, old.contains(key));
            EXPECT_TRUE(before == nullptr || after == nullptr || *before != *after);
            if (after == nullptr)
              made.erase(key);
            else
              made[key] = *after;
          });
      ASSERT_EQ(made, now);
    }
  }
}

TYPED_TEST(PersistentMapTest, IsMadeOfSortedEntries) {
  std::vector<std::pair<int, std::string>> entries;
  for (int i = 0; i < 1000; ++i) entries.emplace_back(2 * i, std::to_string(i));
  const auto map = TypeParam::from_sorted(entries);
  EXPECT_EQ(map.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(map.at(2 * i), std::to_string(i));
  EXPECT_FALSE(map.contains(999));
  auto back = map.end();
  for (int i = 999; i >= 0; --i) EXPECT_EQ((--back)->first, 2 * i);
  EXPECT_EQ(back, map.begin());
}

TEST(PersistentMap, AChangeLooksAtWhatChangedOnly) {
  struct Counted {
    int value = 0;
    int* compared = nullptr;
    bool operator==(const Counted& other) const {
      ++*compared;
      return value == other.value;
    }
  };
  int compared = 0;
  PersistentMap<int, Counted> before;
  for (int i = 0; i < 100'000; ++i) before.emplace(i, Counted{i, &compared});
  auto after = before;
  after[777].value = -1;
  int found = 0;
  decltype(before)::differences(before, after, [&](int key, const Counted*, const Counted*) {
    EXPECT_EQ(key, 777);
    ++found;
  });
  EXPECT_EQ(found, 1);
  EXPECT_LE(compared, 64);
}

TEST(PersistentMap, AnAddressOfASharedEntryHoldsWhileAMapHasIt) {
  PersistentMap<int, std::string, true> map;
  map.emplace(5, "five");
  const std::string* five = &std::as_const(map).at(5);
  for (int i = 100; i < 1000; ++i) map.emplace(i, "x");
  const auto copy = map;
  EXPECT_EQ(&copy.at(5), five);
  map[5] = "changed";
  EXPECT_EQ(*five, "five");
  EXPECT_EQ(&copy.at(5), five);
}

}  // namespace
}  // namespace farspan
