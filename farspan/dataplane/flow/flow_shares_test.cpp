// SPDX-License-Identifier: Apache-2.0
// Who gets room in a full flow table, and at whose cost.
#include "farspan/dataplane/flow/flow_shares.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "farspan/dataplane/flow/flow_table.h"

namespace farspan::dataplane {
namespace {

using std::chrono::seconds;
constexpr uint8_t kUdp = 17;
constexpr uint32_t kCapacity = 1024;

FlowOwner port(uint32_t id) { return FlowOwner::of(PortId(id)); }

class SharesTest : public ::testing::Test {
 protected:
  /// A new flow of `owner`, which may be answered at once.
  bool open(FlowOwner owner, bool is_answered, seconds now = seconds(1)) {
    const FlowKey key{FlowDomain(1), owner.id(), next_++, 1, 2, kUdp};
    Flow* flow = table_.create(key, now, owner);
    if (flow == nullptr) return false;
    if (is_answered) table_.touch({flow, FlowDirection::kReply}, now, 1, 1);
    keys_[owner.bits()].push_back(key);
    return true;
  }
  uint32_t open_many(FlowOwner owner, uint32_t count, bool is_answered) {
    uint32_t opened = 0;
    for (uint32_t i = 0; i < count; ++i) opened += open(owner, is_answered) ? 1 : 0;
    return opened;
  }
  uint32_t alive(FlowOwner owner) {
    return static_cast<uint32_t>(std::ranges::count_if(
        keys_[owner.bits()], [&](const FlowKey& key) { return bool(table_.find(key)); }));
  }
  std::map<uint64_t, FlowShareRow> rows() {
    std::map<uint64_t, FlowShareRow> all;
    std::vector<FlowShareRow> some(3);
    for (uint32_t cursor = 0; cursor != FlowShares::kNone;) {
      const size_t filled = table_.shares().copy(&cursor, some, 1);
      for (size_t i = 0; i < filled; ++i)
        EXPECT_TRUE(all.emplace(some[i].owner.bits(), some[i]).second);
    }
    return all;
  }

  FlowTable table_{kCapacity};
  uint32_t next_ = 1;
  std::map<uint64_t, std::vector<FlowKey>> keys_;
};

}  // namespace

TEST_F(SharesTest, WhoIsAloneMayHaveAll) {
  EXPECT_EQ(open_many(port(1), kCapacity, true), kCapacity);
  EXPECT_FALSE(open(port(1), true));
  EXPECT_EQ(rows().at(port(1).bits()).refused, 1u);
}

TEST_F(SharesTest, AFloodOnlyPushesOutItself) {
  open_many(port(2), 100, true);
  open_many(port(3), 50, false);
  EXPECT_EQ(open_many(port(1), 100'000, false), 100'000u);
  for (uint32_t i = 0; i < 200; ++i) {  // others go on opening connections
    EXPECT_TRUE(open(port(2), true));
    EXPECT_TRUE(open(port(4 + i), false));
    open_many(port(1), 100, false);
  }
  EXPECT_EQ(alive(port(2)), 300u);
  EXPECT_EQ(alive(port(3)), 50u) << "not even what is only opening";
  for (uint32_t i = 0; i < 200; ++i) EXPECT_EQ(alive(port(4 + i)), 1u);
  EXPECT_EQ(table_.size(), kCapacity);
}

// Completed handshakes are no protection either: who holds more than its part gives way.
TEST_F(SharesTest, AHoarderGivesBackWhatOthersHaveARightTo) {
  open_many(port(1), kCapacity, true);
  for (const FlowKey& key :
       std::vector(keys_[port(1).bits()].begin() + 8, keys_[port(1).bits()].end()))
    table_.touch(table_.find(key), seconds(9), 1, 1);  // all but the first eight are used
  EXPECT_EQ(open_many(port(2), 8, true), 8u);
  EXPECT_EQ(alive(port(1)), kCapacity - 8);
  for (size_t i = 0; i < 8; ++i) EXPECT_FALSE(table_.find(keys_[port(1).bits()][i])) << "idle";
  EXPECT_EQ(open_many(port(2), kCapacity, true), kCapacity / 2 - 8) << "half, and no more";
  EXPECT_EQ(alive(port(1)), kCapacity / 2);
  EXPECT_EQ(open_many(port(3), kCapacity, true), kCapacity / 3);
}

TEST_F(SharesTest, AHoarderDoesNotPushOutWhatOthersOpen) {
  open_many(port(1), kCapacity - 20, true);
  open_many(port(2), 20, false);
  EXPECT_EQ(open_many(port(1), 100, false), 0u);
  EXPECT_EQ(alive(port(2)), 20u);
}

// An office with very many connections, and a flood that is smaller than its fair part.
TEST_F(SharesTest, AFloodBesideManyConnectionsThatLiveIsOne) {
  open_many(port(1), 600, true);
  open_many(port(2), 5000, false);
  EXPECT_TRUE(open(port(1), true));
  EXPECT_EQ(alive(port(1)), 601u);
}

TEST_F(SharesTest, SourcesBehindALinkAreToldApartUpToANumber) {
  std::map<uint64_t, int> owners;
  for (uint32_t source = 0; source < 10'000; ++source)
    ++owners[FlowOwner::behind(TunnelId(0x80000001), VrfId(7), 0x0A000000 + source).bits()];
  EXPECT_EQ(owners.size(), FlowOwner::kGroups);
  const FlowOwner one = FlowOwner::behind(TunnelId(0x80000001), VrfId(7), 1);
  EXPECT_EQ(one.id(), 0x80000001u);
  EXPECT_EQ(one.vrf(), 7u);
  EXPECT_EQ(one.kind(), FlowOwner::Kind::kLink);
}

// Whatever comes: nobody who holds less than the fair part is refused, and nobody loses a flow but
// to himself, or because he holds more than who gets it.
TEST_F(SharesTest, IsFairOnRandomTraffic) {
  std::mt19937 rng(4787);
  std::map<uint64_t, FlowShareRow> before = rows();
  for (int i = 0; i < 20'000; ++i) {
    const FlowOwner owner = port(static_cast<uint32_t>(1 + rng() % 40 * (rng() % 2)));
    const bool was_full = table_.size() == kCapacity;
    const uint32_t held = before[owner.bits()].flows;
    const bool is_opened = open(owner, rng() % 3 == 0);
    auto now = rows();
    const auto in_use = static_cast<uint32_t>(
        std::ranges::count_if(now, [](const auto& row) { return row.second.flows > 0; }));
    const uint32_t fair = kCapacity / std::max(in_use, 1u);
    if (held + 1 < fair) {
      ASSERT_TRUE(is_opened);
    }
    uint32_t sum = 0;
    for (const auto& [bits, row] : now) {
      sum += row.flows;
      const FlowShareRow& old = before[bits];
      if (row.flows >= old.flows || bits == owner.bits()) continue;
      ASSERT_TRUE(was_full && is_opened);
      ASSERT_TRUE(old.flows > held || old.weak > fair / 4);
    }
    ASSERT_EQ(sum, table_.size());
    before = std::move(now);
    if (rng() % 4 == 0) {
      auto& keys = keys_[port(static_cast<uint32_t>(1 + rng() % 40)).bits()];
      if (keys.empty()) continue;
      const size_t at = rng() % keys.size();
      if (const FlowHit hit = table_.find(keys[at])) table_.erase(hit.flow);
      before = rows();
    }
  }
}

TEST_F(SharesTest, SaysWhoOpensHowMany) {
  open_many(port(1), 10, true);
  open_many(port(2), 5, false);
  std::vector<FlowShareRow> all(10);
  const auto copy = [&](int64_t second) {
    size_t filled = 0;
    for (uint32_t cursor = 0; cursor != FlowShares::kNone;)
      filled += table_.shares().copy(&cursor, std::span(all).subspan(filled), second);
    return filled;
  };
  ASSERT_EQ(copy(2), 2u);
  const bool is_first = all[0].owner == port(1);
  const FlowShareRow &one = all[is_first ? 0 : 1], &two = all[is_first ? 1 : 0];
  EXPECT_EQ(one.flows, 10u);
  EXPECT_EQ(one.weak, 0u);
  EXPECT_EQ(one.opened_last_second, 10u);
  EXPECT_EQ(two.weak, 5u);
  copy(9);
  EXPECT_EQ(all[0].opened_last_second, 0u) << "long ago";
}

}  // namespace farspan::dataplane
