// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/id_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace farspan::dataplane {

TEST(IdIndex, KnowsNothingAtFirst) { EXPECT_EQ(IdIndex<uint32_t>().find(1), std::nullopt); }

TEST(IdIndex, AgreesWithAMapWhateverIsAddedAndTakenAway) {
  std::mt19937 rng(64);
  for (const uint32_t range : {40u, 3000u, 0xFFFFFFFFu}) {  // the narrow ones fill buckets
    IdIndex<uint32_t> index;
    std::map<uint32_t, uint32_t> model;
    for (uint32_t step = 0; step < 20'000; ++step) {
      const auto id = static_cast<uint32_t>(1 + rng() % range);
      const auto found = model.find(id);
      ASSERT_EQ(index.find(id), found == model.end() ? std::nullopt : std::optional(found->second));
      if (found != model.end()) {
        index.erase(id);
        model.erase(found);
      } else {
        index.insert(id, step);
        model.emplace(id, step);
      }
    }
    for (const auto& [id, place] : model) ASSERT_EQ(index.find(id), place);
  }
}

TEST(IdIndex, ACopyKeepsWhatItHad) {
  IdIndex<uint32_t> index;
  for (uint32_t id = 1; id <= 500; ++id) index.insert(id, id);
  const IdIndex<uint32_t> before = index;
  for (uint32_t id = 1; id <= 500; ++id) index.erase(id);
  for (uint32_t id = 1; id <= 500; ++id) ASSERT_EQ(before.find(id), id);
}

}  // namespace farspan::dataplane
