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

std::string printed(const Table& table, size_t columns) {
  std::ostringstream out;
  table.print(out, columns);
  return out.str();
}

TEST(Table, FoldsItsWidestCellsAtBlanksUntilItFits) {
  Table table({"NAME", "STATE", "SPEC"});
  table.add({"office-1", Cell("the node is not connected"), "vpn_gateway=us-east  dpd=true"});
  EXPECT_EQ(printed(table, 40),
            "NAME      STATE      SPEC\n"
            "office-1  the node   vpn_gateway=us-east\n"
            "          is not     dpd=true\n"
            "          connected\n");
  EXPECT_EQ(printed(table, 0),
            "NAME      STATE                      SPEC\n"
            "office-1  the node is not connected  vpn_gateway=us-east  dpd=true\n");
}

TEST(Table, NothingInACellCommandsTheTerminal) {
  Table table({"REASON"});
  table.add(
      {std::string("\033]0;owned\a red \xc2\x9b"
                   "1m é\n")});
  EXPECT_EQ(printed(table, 0), "REASON\n?]0;owned? red ?1m é?\n");
}

TEST(Table, ListsInOneWordFoldBehindTheirMarks) {
  Table table({"IKE", "OUT"});
  table.add({"AES-GCM-16-256/PRF-HMAC-SHA2-384/ECP-384", "12.3 MiB"});
  EXPECT_EQ(
      printed(table, 30),
      "IKE                   OUT\nAES-GCM-16-256/       12.3 MiB\nPRF-HMAC-SHA2-384/\nECP-384\n");
}

TEST(Table, AWordThatDoesNotFitIsCutOnlyWhenItIsLong) {
  Table table({"A", "B"});
  table.add({"172.16.1.0/24", std::string(50, 'x') + " y"});
  EXPECT_EQ(printed(table, 30), "A              B\n172.16.1.0/24  " + std::string(30, 'x') +
                                    "\n               " + std::string(20, 'x') + " y\n");
}

TEST(Table, PutsColumnsBelowAndLeavesOthersOutOnlyWhereRowsDoNotFit) {
  Table table({"DESTINATION", "REGION", "NEXT HOP", "REASON"});
  table.may_leave_out("REGION");
  table.may_stand_below("REASON");
  table.add({"10.10.10.0/24", "us-east", "office-1", Cell("the tunnel is its own")});
  table.add({"10.20.10.0/24", "us-east", "office-2", Cell("")});
  EXPECT_EQ(printed(table, 80),
            "DESTINATION    REGION   NEXT HOP  REASON\n"
            "10.10.10.0/24  us-east  office-1  the tunnel is its own\n"
            "10.20.10.0/24  us-east  office-2\n");
  EXPECT_EQ(printed(table, 35),
            "DESTINATION    REGION   NEXT HOP\n"
            "10.10.10.0/24  us-east  office-1\n"
            "    the tunnel is its own\n"
            "10.20.10.0/24  us-east  office-2\n");
  EXPECT_EQ(printed(table, 28),
            "DESTINATION    NEXT HOP\n"
            "10.10.10.0/24  office-1\n"
            "    the tunnel is its own\n"
            "10.20.10.0/24  office-2\n");
}

}  // namespace
}  // namespace farspan::cli
