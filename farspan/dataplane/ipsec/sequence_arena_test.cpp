// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/sequence_arena.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>

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
    (void)SequenceArena::window(inbound).accept(99);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));

  auto arena = *SequenceArena::open(file.path());
  EXPECT_EQ(arena->used_slots(), 2u);
  EXPECT_EQ(SequenceArena::sent(**arena->claim(false, 0x1000, kKeys)), 4711u);
  EXPECT_EQ(SequenceArena::window(**arena->claim(true, 0x2000, kKeys)).check(99),
            ReplayVerdict::kReplayed);
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

TEST(SequenceArena, AFileOfAnotherLayoutIsRefusedNotOverwritten) {
  TemporaryFile file;
  { ASSERT_TRUE(SequenceArena::open(file.path(), 8)); }
  EXPECT_EQ(SequenceArena::open(file.path(), 16).error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(SequenceArena::open(file.path(), 8));
}

}  // namespace
}  // namespace farspan::ipsec
