// SPDX-License-Identifier: Apache-2.0
// What a change of SAs costs, counted in memory taken: the same with many tunnels as with few, and
// nothing of it stays.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <new>

#include "farspan/dataplane/ipsec/sad.h"
#include "farspan/dataplane/ipsec/test_sas.h"

namespace {

size_t taken_bytes = 0;  // ever
size_t live_bytes = 0;

void* counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  taken_bytes += ::malloc_usable_size(memory);
  live_bytes += ::malloc_usable_size(memory);
  return memory;
}
void uncounted(void* memory) {
  if (memory != nullptr) live_bytes -= ::malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(size_t bytes) { return counted(std::malloc(bytes == 0 ? 1 : bytes)); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  const size_t unit = static_cast<size_t>(alignment);
  return counted(std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit));
}
void operator delete(void* memory) noexcept { uncounted(memory); }
void operator delete(void* memory, size_t) noexcept { uncounted(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { uncounted(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { uncounted(memory); }

namespace farspan::ipsec {
namespace {

constexpr crypto::Suite kGcm = {crypto::Cipher::kAesGcm256, crypto::Integrity::kAead};
constexpr uint32_t kMany = 2000;

class SadGrowth : public testing::Test {
 protected:
  SadGrowth() {
    sad_.hello(1);
    sad_.synced(1);
  }
  static PolicyDescription policy(uint32_t tunnel, uint32_t spi) {
    PolicyDescription description;
    description.tunnel = tunnel;
    description.spi = spi;
    return description;
  }
  void bring_up(uint32_t tunnel, uint32_t round) {
    for (const bool is_inbound : {true, false}) {
      SaDescription sa = any_sa(random_, kGcm, is_inbound, spi_of(tunnel, round));
      sa.tunnel = tunnel;
      sa.hard_seconds = 3600;
      ASSERT_EQ(sad_.add(sa, 1), SadVerdict::kOk);
    }
    ASSERT_EQ(sad_.add_policy(policy(tunnel, spi_of(tunnel, round)), 1), SadVerdict::kOk);
  }
  void take_down(uint32_t tunnel, uint32_t round) {
    const uint32_t spi = spi_of(tunnel, round);
    ASSERT_EQ(sad_.remove_policy(policy(tunnel, spi)), SadVerdict::kOk);
    ASSERT_EQ(sad_.remove({true, spi, 0}), SadVerdict::kOk);
    ASSERT_EQ(sad_.remove({false, spi, tunnel}), SadVerdict::kOk);
  }
  void rekey(uint32_t tunnel, uint32_t round) {
    bring_up(tunnel, round + 1);
    take_down(tunnel, round);
  }
  static uint32_t spi_of(uint32_t tunnel, uint32_t round) {
    return 0xc0000000 + round * 0x10000 + tunnel;
  }
  template <class Do>
  static size_t bytes_taken_by(Do act) {
    const size_t before = taken_bytes;
    act();
    return taken_bytes - before;
  }

  std::mt19937 random_{9};
  TemporaryFile file_;
  std::unique_ptr<crypto::Context> context_ = *crypto::Context::create();
  std::unique_ptr<SequenceArena> arena_ = *SequenceArena::open(file_.path(), 3 * kMany);
  Sad sad_{*arena_, *context_};
};

TEST_F(SadGrowth, ARekeyTakesAsMuchMemoryWithManyTunnelsAsWithFew) {
  for (uint32_t tunnel = 1; tunnel <= 20; ++tunnel) bring_up(tunnel, 0);
  rekey(1, 0);  // places for what stands side by side
  const size_t with_few = bytes_taken_by([&] { rekey(2, 0); });
  for (uint32_t tunnel = 21; tunnel <= kMany; ++tunnel) bring_up(tunnel, 0);
  rekey(1, 1);
  EXPECT_LE(bytes_taken_by([&] { rekey(3, 0); }), 2 * with_few);
}

TEST_F(SadGrowth, InstallingTakesAsMuchForTheLastAsForTheFirst) {
  const auto install = [&](uint32_t from, uint32_t count) {
    return bytes_taken_by([&] {
      for (uint32_t i = 0; i < count; ++i) bring_up(from + i, 0);
    });
  };
  const size_t first = install(1, 500);
  (void)install(501, 1000);
  EXPECT_LE(install(1501, 500), first * 3 / 2);
}

TEST_F(SadGrowth, NothingStaysOfRekeys) {
  for (uint32_t tunnel = 1; tunnel <= kMany; ++tunnel) bring_up(tunnel, 0);
  rekey(1, 0);
  const size_t before = live_bytes;
  for (uint32_t round = 1; round < 2000; ++round) rekey(1, round);
  EXPECT_LE(live_bytes, before + 16 * 1024);
  EXPECT_EQ(arena_->used_slots(), 2 * kMany);
}

TEST_F(SadGrowth, ASecondInWhichNothingEndsTakesNothing) {
  for (uint32_t tunnel = 1; tunnel <= kMany; ++tunnel) bring_up(tunnel, 0);
  EXPECT_EQ(bytes_taken_by([&] { sad_.tick(2); }), 0u);
}

TEST_F(SadGrowth, TrapsOfManyTunnelsCostWhatEachCosts) {
  const auto trap = [&](uint32_t tunnel) {
    PolicyDescription description = policy(tunnel, 0);
    description.priority = 2;
    ASSERT_EQ(sad_.add_policy(description, 1), SadVerdict::kOk);
  };
  const auto install = [&](uint32_t from, uint32_t count) {
    return bytes_taken_by([&] {
      for (uint32_t i = 0; i < count; ++i) trap(from + i);
    });
  };
  const size_t first = install(1, 1000);
  (void)install(1001, 8000);
  EXPECT_LE(install(9001, 1000), first * 3 / 2);
}

}  // namespace
}  // namespace farspan::ipsec
