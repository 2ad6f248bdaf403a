// SPDX-License-Identifier: Apache-2.0
#include "farspan/cli/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace farspan::cli {
namespace {

TEST(Table, AlignsColumnsByWhatIsSeen) {
  Table table({"NAME", "STATE"});
  table.add({"é", "up"});
  table.add({"office-1", Cell("down", Colour::kRed)});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(),
            "NAME      STATE\né         up\noffice-1  down\n");  // not a terminal: no colour
}

TEST(Table, LeavesNoBlanksAtLineEnds) {
  Table table({"A", "B"});
  table.add({"long cell", "x"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str().find(" \n"), std::string::npos);
}

}  // namespace
}  // namespace farspan::cli
