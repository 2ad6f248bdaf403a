// SPDX-License-Identifier: Apache-2.0
#include "farspan/io/path_mtu.h"

#include <gtest/gtest.h>

namespace farspan::io {

TEST(PathMtu, IsThatOfTheRoute) {
  const auto path = PathMtu::open();
  ASSERT_TRUE(path.ok());
  EXPECT_EQ(path->to(0x7F000001), 65535u);  // the loopback link has 65536, IPv4 no more than 65535
}

}  // namespace farspan::io
