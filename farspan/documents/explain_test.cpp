// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/explain.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "farspan/documents/documents.h"
#include "farspan/documents/outline.h"
#include "farspan/documents/outline_words.h"
#include "farspan/documents/yaml_text.h"

namespace farspan::documents {
namespace {

TEST(Explain, SaysEverythingOfAField) {
  EXPECT_EQ(*explain("ipsec-connection.ike.lifetime_seconds"),
            "IpsecConnection.ike.lifetime_seconds\n"
            "  After this time a new IKE SA takes over.\n"
            "\n"
            "  Type       number, 60 to 86400 seconds\n"
            "  Left out   86400\n");
  EXPECT_EQ(*explain("SecurityGroup.spec.inner_access"),
            "SecurityGroup.inner_access\n"
            "  What members may do with each other.\n"
            "\n"
            "  Type       word\n"
            "  Words      accept: members reach each other\n"
            "             drop: members reach each other only as the rules say\n"
            "  Left out   accept\n");
}

TEST(Explain, EveryTopicIsExplainedInEightyColumns) {
  const auto topics = explain_topics();
  EXPECT_GT(topics.size(), 50u);
  for (const std::string& topic : topics) {
    const auto text = explain(topic);
    ASSERT_TRUE(text.ok()) << topic;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(Explain, AnUnknownWordIsAnsweredWithANearOne) {
  EXPECT_EQ(explain("vswich").error().text(), "kind: vswich does not exist; did you mean VSwitch?");
  EXPECT_EQ(explain("VSwitch.cdir").error().text(),
            "field of VSwitch: cdir does not exist; did you mean cidr?");
  EXPECT_EQ(explain("IpsecConnection.ipsec.mode").error().remedy,
            "there are encryption, integrity, pfs_group, lifetime_seconds, replay_window");
}

TEST(Explain, EveryExampleCanBeRead) {
  for (const KindOutline& kind : kind_outlines()) {
    const std::string text = yaml_text(example_of(kind));
    const ParsedDocuments parsed = parse_documents(text);
    for (const Error& error : parsed.errors) ADD_FAILURE() << error.text() << "\n" << text;
  }
}

TEST(Reference, TheDocumentIsCurrent) {
  std::ifstream file(FARSPAN_REFERENCE);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), reference_markdown())
      << "write it anew: farspan explain --reference > docs/resources.md";
}

}  // namespace
}  // namespace farspan::documents
