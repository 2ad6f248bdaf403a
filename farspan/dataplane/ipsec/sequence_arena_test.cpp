// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/sequence_arena.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <string>

#include "farspan/dataplane/ipsec/test_sas.h"

namespace farspan::ipsec {
namespace {

constexpr KeyFingerprint kKeys = {1, 2, 3}, kOtherKeys = {4, 5, 6};

TEST(SequenceArena, KeepsNumbersOfAKilledProcess) {
  TemporaryFile file;
  const pid_t child = ::fork();
  if (child == 0) {
    auto arena = *SequenceArena::open(file.path());
    SequenceArena::sent(**arena->claim(false, 0x1000, kKeys)) = 4711;
    SequenceArena::Slot& inbound = **arena->claim(true, 0x2000, kKeys);
    (void)arena->window(inbound).accept(99);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));

  auto arena = *SequenceArena::open(file.path());
  EXPECT_EQ(arena->used_slots(), 2u);
  EXPECT_EQ(SequenceArena::sent(**arena->claim(false, 0x1000, kKeys)), 4711u);
  EXPECT_EQ(arena->window(**arena->claim(true, 0x2000, kKeys)).check(99), ReplayVerdict::kReplayed);
}

TEST(SequenceArena, OtherKeysUnderTheSameSpiBeginAnew) {
  TemporaryFile file;
  auto arena = *SequenceArena::open(file.path());
  SequenceArena::sent(**arena->claim(false, 0x1000, kKeys)) = 4711;
  EXPECT_EQ(SequenceArena::sent(**arena->claim(false, 0x1000, kOtherKeys)), 0u);
  EXPECT_EQ(arena->claim(false, 0x1000, kKeys).error().code, ErrorCode::kConflict);
}

TEST(SequenceArena, IsBoundedAndSaysSo) {
  TemporaryFile file;
  auto arena = *SequenceArena::open(file.path(), 2);
  SequenceArena::Slot* first = *arena->claim(false, 1, kKeys);
  ASSERT_TRUE(arena->claim(false, 2, kKeys));
  EXPECT_EQ(arena->claim(false, 3, kKeys).error().code, ErrorCode::kUnavailable);
  arena->release(first);
  EXPECT_TRUE(arena->claim(false, 3, kKeys));
}

TEST(SequenceArena, WindowsOfEverySizeKeepApartAndOutliveTheProcess) {
  constexpr uint32_t kSizes[] = {64, 1024, 4096, 2048, 1000, 4096};
  TemporaryFile file;
  for (int life = 0; life < 2; ++life) {
    auto arena = *SequenceArena::open(file.path(), 32);
    std::vector<ReplayWindow> windows;
    for (uint32_t spi = 0; const uint32_t size : kSizes)
      windows.push_back(arena->window(**arena->claim(true, ++spi, kKeys, size)));
    for (size_t i = 0; i < windows.size(); ++i) {
      EXPECT_EQ(windows[i].size(), kSizes[i]);
      if (life == 1) {
        EXPECT_EQ(windows[i].newest(), 5000u);
        EXPECT_EQ(windows[i].check(5000 - 1), ReplayVerdict::kFresh);
        EXPECT_EQ(windows[i].check(5000 - kSizes[i] + 1), ReplayVerdict::kReplayed);
        EXPECT_EQ(windows[i].check(5000 - kSizes[i]), ReplayVerdict::kTooOld);
        continue;
      }
      EXPECT_EQ(windows[i].accept(5000), ReplayVerdict::kFresh);
      EXPECT_EQ(windows[i].accept(5000 - kSizes[i] + 1), ReplayVerdict::kFresh);
    }
  }
}

TEST(SequenceArena, BlocksOfReleasedWindowsJoinAgain) {
  TemporaryFile file;
  auto arena = *SequenceArena::open(file.path(), 8);  // so eight blocks
  std::vector<SequenceArena::Slot*> slots;
  for (uint32_t spi = 1; spi <= 7; ++spi) slots.push_back(*arena->claim(true, spi, kKeys));
  EXPECT_EQ(arena->claim(true, 8, kKeys, 4096).error().code, ErrorCode::kUnavailable);
  for (const size_t gone : {5u, 3u, 4u, 6u}) arena->release(slots[gone]);
  SequenceArena::Slot& wide = **arena->claim(true, 8, kKeys, 4096);
  for (uint64_t i = 1; i <= 4096; ++i)
    ASSERT_EQ(arena->window(wide).accept(i), ReplayVerdict::kFresh);
  for (const size_t kept : {0u, 1u, 2u}) EXPECT_EQ(arena->window(*slots[kept]).newest(), 0u);
  arena->release(&wide);
  SequenceArena::Slot& again = **arena->claim(true, 9, kKeys, 2048);
  for (uint64_t i = 2048; i >= 1; --i)
    ASSERT_EQ(arena->window(again).accept(i), ReplayVerdict::kFresh) << "a bit was left at " << i;
}

TEST(SequenceArena, ForgetsWhatNobodyClaimsAgain) {
  TemporaryFile file;
  {
    auto arena = *SequenceArena::open(file.path(), 8);
    SequenceArena::sent(**arena->claim(false, 1, kKeys)) = 10;
    SequenceArena::sent(**arena->claim(false, 2, kKeys)) = 20;
  }
  {
    auto arena = *SequenceArena::open(file.path(), 8);
    EXPECT_EQ(SequenceArena::sent(**arena->claim(false, 1, kKeys)), 10u);
    arena->release_unclaimed();
  }
  auto arena = *SequenceArena::open(file.path(), 8);
  EXPECT_EQ(arena->used_slots(), 1u);
  EXPECT_EQ(SequenceArena::sent(**arena->claim(false, 2, kKeys)), 0u);
}

TEST(SequenceArena, AForgottenClaimEmptiesItsSlotAndAnUnforgottenOneDoesNot) {
  TemporaryFile file;
  auto arena = *SequenceArena::open(file.path(), 8);
  {
    SlotClaim kept(*arena, *arena->claim(false, 1, kKeys));
    SlotClaim forgotten(*arena, *arena->claim(false, 2, kKeys));
    forgotten.forget();
  }
  EXPECT_EQ(arena->used_slots(), 1u);
}

TEST(SequenceArena, IsPrivateToOneProcessAndOneUser) {
  TemporaryFile file;
  ::unlink(file.path().c_str());
  auto arena = *SequenceArena::open(file.path());
  EXPECT_EQ(SequenceArena::open(file.path()).error().code, ErrorCode::kConflict);
  struct stat status {};
  ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(SequenceArena, OneOfAnotherLayoutIsEmptied) {
  TemporaryFile file;
  {
    auto arena = *SequenceArena::open(file.path(), 8);
    EXPECT_FALSE(arena->is_replaced());
    SequenceArena::sent(**arena->claim(false, 7, kKeys)) = 4711;
  }
  EXPECT_TRUE((*SequenceArena::open(file.path(), 8))->knows(false, 7, kKeys));
  {
    const auto larger = *SequenceArena::open(file.path(), 16);
    EXPECT_TRUE(larger->is_replaced());
    EXPECT_FALSE(larger->knows(false, 7, kKeys));
    EXPECT_EQ(larger->used_slots(), 0u);
  }
  std::fstream(file.path(), std::ios::in | std::ios::out | std::ios::binary).write("FAPSEQ01", 8);
  EXPECT_TRUE((*SequenceArena::open(file.path(), 16))->is_replaced());
  EXPECT_FALSE((*SequenceArena::open(file.path(), 16))->is_replaced());
}

TEST(SequenceArena, AFileOfSomebodyElseIsLeftAlone) {
  TemporaryFile file;
  std::ofstream(file.path()) << "minutes of the meeting";
  EXPECT_EQ(SequenceArena::open(file.path()).error().code, ErrorCode::kInvalid);
  std::string text;
  std::getline(std::ifstream(file.path()), text);
  EXPECT_EQ(text, "minutes of the meeting");
}

}  // namespace
}  // namespace farspan::ipsec
