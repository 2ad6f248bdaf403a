// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/state_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "farspan/nodestate/random_state.h"

namespace farspan::agent {
namespace {

class StateFile : public testing::Test {
 protected:
  StateFile() {
    char pattern[] = "/tmp/farspan-state-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    path_ = directory_ + "/node_state.bin";
  }
  ~StateFile() override { std::filesystem::remove_all(directory_); }
  std::string directory_, path_;
};

TEST_F(StateFile, GivesBackWhatWasKept) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const auto state = nodestate::RandomState(seed).next(seed + 1);
    ASSERT_TRUE(save_state(path_, state).ok());
    const auto loaded = load_state(path_);
    ASSERT_TRUE(loaded.ok());
    ASSERT_EQ(*loaded, state);
  }
}

TEST_F(StateFile, IsForTheOwnerOnlyBecauseItHoldsSecrets) {
  ASSERT_TRUE(save_state(path_, nodestate::RandomState(1).next(1)).ok());
  struct stat attributes {};
  ASSERT_EQ(::stat(path_.c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 0777, 0600u);
}

TEST_F(StateFile, ALeftoverOfACrashDoesNotMatter) {
  std::ofstream(path_ + ".new") << "half";
  const auto state = nodestate::RandomState(2).next(3);
  ASSERT_TRUE(save_state(path_, state).ok());
  EXPECT_EQ(*load_state(path_), state);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(StateFile, AMissingOneIsNotFoundAndABrokenOneIsInvalid) {
  EXPECT_EQ(load_state(path_).error().code, ErrorCode::kNotFound);
  std::ofstream(path_) << "\xff\xff\xff";
  EXPECT_EQ(load_state(path_).error().code, ErrorCode::kInvalid);
}

TEST_F(StateFile, ADirectoryThatIsNotThereIsNamed) {
  const auto saved =
      save_state(directory_ + "/none/node_state.bin", nodestate::RandomState(1).next(1));
  ASSERT_FALSE(saved.ok());
  EXPECT_NE(saved.error().what.find("/none/node_state.bin"), std::string::npos);
}

}  // namespace
}  // namespace farspan::agent
