// SPDX-License-Identifier: Apache-2.0
#include "farspan/base/shared_array.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace farspan {

TEST(SharedArray, ACopyKeepsWhatItHadAndSharesTheRest) {
  SharedArray<int, 4> array;
  EXPECT_TRUE(array.empty());
  array.write(9) = 90;
  array.write(0) = 1;
  EXPECT_EQ(array.size(), 12u);
  const SharedArray<int, 4> before = array;
  array.write(1) = 2;
  EXPECT_EQ(before[0], 1);
  EXPECT_EQ(before[1], 0);
  EXPECT_EQ(array[1], 2);
  EXPECT_NE(&before[0], &array[0]) << "its chunk was written";
  EXPECT_EQ(&before[9], &array[9]) << "this one was not";
  EXPECT_EQ(&array.write(2), &array[2]);
  int sum = 0;
  for (const int value : array) sum += value;
  EXPECT_EQ(sum, 1 + 2 + 90);
  EXPECT_EQ(*std::ranges::find(array, 90), 90);
}

}  // namespace farspan
