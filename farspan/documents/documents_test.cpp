// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/documents.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <regex>
#include <sstream>

#include "farspan/documents/print.h"
#include "farspan/documents/stored.h"
#include "farspan/model/global_offices.h"
#include "farspan/model/random_resource.h"
#include "farspan/model/validate.h"

namespace farspan::documents {
namespace {

using model::AnyResource;
using model::testing::cidr;
using model::testing::GlobalOffices;
using model::testing::ip;
using model::testing::RandomResource;
using Texts = std::vector<std::string>;

// Without columns, which EachFaultNamesItsOwnFile looks at.
Texts faults_of(std::string_view text) {
  static const std::regex kColumn(", column [0-9]+");
  Texts texts;
  for (const Error& error : parse_documents(text).errors)
    texts.push_back(std::regex_replace(error.text(), kColumn, ""));
  return texts;
}

// One document of `kind` called x with `spec` in flow style.
Texts faults_of_spec(const std::string& kind, const std::string& spec) {
  return faults_of("kind: " + kind + "\nname: x\nspec: " + spec + "\n");
}

template <class Resource>
Resource parsed(std::string_view text) {
  const ParsedDocuments documents = parse_documents(text);
  for (const Error& error : documents.errors) ADD_FAILURE() << error.text();
  EXPECT_EQ(documents.documents.size(), 1u);
  return std::get<Resource>(documents.documents.at(0).resource);
}

TEST(Documents, FillInTheDefaults) {
  const auto connection = parsed<model::IpsecConnection>(
      "kind: IpsecConnection\nname: office-1\nspec:\n  vpn_gateway: g\n  customer_gateway: c\n"
      "  local_subnets: [0.0.0.0/0]\n  remote_subnets: [10.10.10.0/24]\n");
  model::IpsecConnection expected;
  expected.meta.name = "office-1";
  expected.vpn_gateway = "g";
  expected.customer_gateway = "c";
  expected.local_subnets = {net::Prefix{}};
  expected.remote_subnets = {cidr("10.10.10.0/24")};
  EXPECT_EQ(connection, expected);

  const auto group = parsed<model::SecurityGroup>(
      "kind: SecurityGroup\nname: g\nspec: {vpc: v, rules: [{peer_cidr: 0.0.0.0/0}, {ports: 80, "
      "protocol: tcp, peer_group: h}]}");
  ASSERT_EQ(group.rules.size(), 2u);
  EXPECT_TRUE(group.is_inner_open);
  EXPECT_EQ(group.rules[0], model::SecurityRule{});
  EXPECT_EQ(group.rules[1].ports, (model::PortRange{80, 80}));
  EXPECT_EQ(group.rules[1].peer, (std::variant<net::Prefix, std::string>("h")));
}

TEST(Documents, AreReadFromJsonToo) {
  const auto one = parsed<model::VSwitch>(
      R"({"kind":"VSwitch","name":"web","spec":{"vpc":"v","cidr":"172.16.1.0/24"}})");
  EXPECT_EQ(one.cidr, cidr("172.16.1.0/24"));
  const ParsedDocuments many = parse_documents(R"( [{"kind":"Region","name":"a"},
    {"kind":"Region","name":"b","description":"B"}])");
  ASSERT_TRUE(many.ok());
  ASSERT_EQ(many.documents.size(), 2u);
  EXPECT_EQ(many.documents[1].place, "line 2, column 5");
  EXPECT_EQ(meta_of(many.documents[1].resource).description, "B");
}

TEST(Documents, EmptyTextsHaveNone) {
  for (const char* text : {"", "\n", "---\n", "# only a comment\n", "---\n---\n", "[]"}) {
    EXPECT_TRUE(parse_documents(text).ok()) << text;
    EXPECT_TRUE(parse_documents(text).documents.empty()) << text;
  }
}

TEST(Documents, WhatFarspanPrintsCanBeAppliedAgain) {
  const GlobalOffices network(5);
  for (const AnyResource& resource : list(network.model)) {
    for (const std::string& text :
         {to_yaml(resource, 7), to_json(resource, 7), to_json(resource, 7, -1)}) {
      EXPECT_TRUE(parse_documents(text).ok()) << text;
    }
  }
}

struct Fault {
  const char* text;
  Texts faults;
};

TEST(Documents, RefuseWithResourceFieldValueAndRemedy) {
  const std::vector<Fault> rows = {
      {"kind: VSwitsch\nname: web\n",
       {"a document: kind VSwitsch is not a kind (line 1); write VSwitch"}},
      {"kind: ipsec-connection\nname: web\n",
       {"a document: kind ipsec-connection is not a kind (line 1); write IpsecConnection"}},
      {"kind: Volcano\nname: web\n",
       {"a document: kind Volcano is not a kind (line 1); use one of Region, Node, Vpc, "
        "VSwitch, SecurityGroup, Instance, "
        "VpnGateway, CustomerGateway, IpsecConnection, VpnRoute, Cen, CenAttachment, CenRoute"}},
      {"name: web\n", {"a document: kind is missing (line 1); write kind: …"}},
      {"kind: Region\n", {"a document: name is missing (line 1); write name: …"}},
      {"- a\n- b\n", {"a document: the document is not a map (line 1); write kind, name and spec"}},
      {"kind: Region\nname: a\nspecs: {}\n",
       {"a document: specs is not a part of a document (line 3); use kind, name, "
        "description, labels and spec; fields go under spec"}},
      {"kind: Region\nname: a\nname: b\n",
       {"a document: name is given twice (line 3); write it once"}},
      {"kind: Region\nname: a\n---\nkind: Region\nname: a\n",
       {"Region a: is declared twice (line 1 and line 4); leave one of them out"}},
      {"kind: VSwitch\nname: web\nspec:\n  vpc: v\n  cdir: 172.16.1.0/24\n",
       {"VSwitch web: cdir is not a field of VSwitch (line 5); write cidr; the fields are vpc, "
        "cidr",
        "VSwitch web: cidr is missing (line 4); give a prefix such as 172.16.1.0/24"}},
      {"kind: VSwitch\nname: web\nspec:\n  vpc: v\n  cidr: 172.16.1.0/24\n  vpc: w\n",
       {"VSwitch web: vpc is given twice (line 6); write it once"}},
      {"kind: VSwitch\nname: web\nspec:\n  cidr: 172.16.1.5/24\n",
       {"VSwitch web: vpc is missing (line 4); name a Vpc",
        "VSwitch web: cidr 172.16.1.5/24 has host bits set (line 4); write 172.16.1.0/24"}},
      {"kind: VSwitch\nname: web\nspec: {vpc: v, cidr: 172.16.1.0}\n",
       {"VSwitch web: cidr 172.16.1.0 has no length (line 3); write 172.16.1.0/32 for one "
        "address"}},
      {"kind: VSwitch\nname: web\nspec: {vpc: v, cidr: 172.16.1.0/33}\n",
       {"VSwitch web: cidr 172.16.1.0/33 is not a prefix (line 3); write it like 172.16.1.0/24"}},
      {"kind: VSwitch\nname: web\nspec: {vpc: [v], cidr: {a: b}}\n",
       {"VSwitch web: vpc is a list instead of a string (line 3); write one value",
        "VSwitch web: cidr is a map instead of a string (line 3); write one value"}},
      {"kind: VSwitch\nname: web\nspec: [1]\n",
       {"VSwitch web: spec is a list instead of a map (line 3); write its fields as name: value"}},
      {R"({"kind":"VSwitch","name":"web","spec":{"vpc":7,"cidr":true}})",
       {"VSwitch web: vpc is a number instead of a string (line 1); write it in quotes",
        "VSwitch web: cidr is a truth value instead of a string (line 1); write it in quotes"}},
      {"kind: CustomerGateway\nname: o\nspec: {address: 1.2.3}\n",
       {"CustomerGateway o: address 1.2.3 is not an IP address (line 3); write it like "
        "198.51.100.11"}},
      {"kind: Vpc\nname: v\nspec: {region: r, cidr_blocks: 10.0.0.0/8}\n",
       {"Vpc v: cidr_blocks is a word instead of a list (line 3); write it in brackets: [a, b]"}},
      {"kind: Vpc\nname: v\nspec:\n  region: r\n  cidr_blocks:\n    - 10.0.0.0/8\n    - x\n",
       {"Vpc v: cidr_blocks[1] x is not a prefix (line 7); write it like 172.16.0.0/16"}},
      {"kind: VpnRoute\nname: o\nspec: {vpn_gateway: g, destination: 10.0.0.0/8, ipsec_connection: "
       "c, published: maybe}\n",
       {"VpnRoute o: published maybe is not a truth value (line 3); write true or false"}},
      {"kind: Region\nname: \"a\\tb\"\n",
       {"a document: name holds control characters or marks that turn the direction of writing "
        "(line "
        "2); write it in one line of plain text"}},
      {"kind: &a Region\nname: x\n",
       {"line 1 uses an anchor; write it in plain YAML, without anchors, aliases and tags"}},
      {"kind: !!str Region\nname: x\n",
       {"line 1 uses a tag; write it in plain YAML, without anchors, aliases and tags"}},
      {"kind: Region\nname: [x\n",
       {"line 3 is not YAML: end of sequence flow not found; correct it"}},
      {"\xff\xfe", {"the text is not UTF-8; save it as UTF-8"}},
  };
  for (const Fault& row : rows) EXPECT_EQ(faults_of(row.text), row.faults) << row.text;
}

TEST(Documents, RefuseWrongRulesOneByOne) {
  EXPECT_EQ(faults_of_spec("SecurityGroup",
                           "{vpc: v, rules: [{}, {peer_cidr: 0.0.0.0/0, peer_group: g}, "
                           "{peer_group: g, ports: 80-}, "
                           "{peer_group: g, protocol: sctp, action: deny}]}"),
            (Texts{"SecurityGroup x: rules[0] has neither peer_cidr nor peer_group (line 3); give "
                   "exactly one of them",
                   "SecurityGroup x: rules[1] has both peer_cidr and peer_group (line 3); give "
                   "exactly one of them",
                   "SecurityGroup x: rules[2].ports 80- is not a port or a range of ports (line "
                   "3); write it like 80 or 8000-8080",
                   "SecurityGroup x: rules[3].protocol sctp is not a value of it (line 3); use one "
                   "of all, tcp, udp, icmp, gre",
                   "SecurityGroup x: rules[3].action deny is not a value of it (line 3); use one "
                   "of accept, drop"}));
  EXPECT_EQ(
      faults_of_spec("SecurityGroup", "{vpc: v, rules: [{peer_group: g, priority: -99999999999}]}"),
      (Texts{"SecurityGroup x: rules[0].priority -99999999999 is out of range (line 3); use 1 "
             "to 100"}));
}

TEST(Documents, RefuseWrongAlgorithmsWithTheAllowedOnes) {
  const std::string rest =
      "vpn_gateway: g, customer_gateway: c, local_subnets: [0.0.0.0/0], remote_subnets: "
      "[10.0.0.0/8]";
  EXPECT_EQ(
      faults_of_spec("IpsecConnection",
                     "{" + rest +
                         ", ike: {encryption: sm4, version: ikev3, dh_group: group3}, "
                         "ipsec: {encryption: 'null', integrity: sm3, pfs_group: none, pfs: x}}"),
      (Texts{"IpsecConnection x: ike.version ikev3 is not a value of it (line 3); use one of "
             "ikev2, ikev1",
             "IpsecConnection x: ike.encryption sm4 is not a value of it (line 3); use one "
             "of aes256, aes192, aes, aes128gcm, aes192gcm, aes256gcm, chacha20poly1305, "
             "3des, des",
             "IpsecConnection x: ike.dh_group group3 is not a value of it (line 3); use one "
             "of group14, group1, group2, group5, group19, "
             "group20, group31",
             "IpsecConnection x: ipsec.pfs is not a field of IpsecConnection (line 3); the "
             "fields are encryption, integrity, pfs_group, lifetime_seconds, replay_window",
             "IpsecConnection x: ipsec.encryption null is not a value of it (line 3); use "
             "one of aes256gcm, aes192gcm, aes128gcm, chacha20poly1305, aes256, aes192, "
             "aes, 3des, des",
             "IpsecConnection x: ipsec.integrity sm3 is not a value of it (line 3); use one "
             "of sha256, sha1, sha384, sha512, md5",
             "IpsecConnection x: ipsec.pfs_group none is not a value of it (line 3); use one "
             "of group14, disabled, group1, group2, group5, "
             "group19, group20, group31"}));
}

TEST(Documents, BoundDepthSizeAndAliases) {
  EXPECT_EQ(faults_of("kind: Region\nname: x\nspec: " + std::string(100'000, '[')).size(), 1u);
  EXPECT_EQ(faults_of("{\"kind\":" + std::string(100'000, '[')).size(), 1u);
  EXPECT_EQ(faults_of("a: &a [x]\nb: [*a, *a]\n").size(), 1u);
  EXPECT_EQ(faults_of(std::string(kMaxTextBytes + 1, ' ')),
            (Texts{"the text has 16777217 bytes; split it; at most 16777216 are read at once"}));
}

TEST(Documents, NamesAreEnoughToDelete) {
  const ParsedNames names = parse_names(
      "kind: Vpc\nname: v\n---\nkind: Region\nname: r\nspec: {bad: 1}\n---\nkind: Vpc\nname: v\n");
  EXPECT_TRUE(names.errors.empty());
  EXPECT_EQ(names.names, (std::vector<ResourceName>{{"Vpc", "v"}, {"Region", "r"}}));
}

TEST(Documents, NeverPrintTheKey) {
  const GlobalOffices network(1);
  const auto connection = *find(network.model, "IpsecConnection", "office-1");
  EXPECT_EQ(to_yaml(connection).find("psk"), std::string::npos);
  EXPECT_EQ(to_json(connection).find("psk"), std::string::npos);
  EXPECT_NE(to_stored(connection).find("psk-of-office-1"), std::string::npos);
}

TEST(Documents, NoFaultRepeatsASecret) {
  const std::string head = "{\"kind\":\"IpsecConnection\",\"name\":\"x\",\"spec\":{\"ike\":";
  for (const std::string& text : {
           head + "{\"psk\":\"TopSecret\\q\"}}}",
           head + "{\"psk\":\"TopSecret\n\"}}}",
           head + "{\"psk\":\"TopSecret",
           head + "{\"psk\":TopSecret}}}",
           head + "{\"TopSecret\":1}}}",
           head + "{\"psk\":[\"TopSecret\"]}}}",
           head + "{\"psk\":\"TopSecret\\u0007\"}}}",
           head + "\"TopSecret\"}}",
           std::string("kind: IpsecConnection\nname: x\nspec: {ike: {psk: \"TopSecret\\q\"}}\n"),
           std::string("kind: IpsecConnection\nname: x\nspec: {ike: {psk=TopSecret}}\n"),
           std::string("kind: IpsecConnection\nname: x\nspec: {ike: {psk: TopSecret: b}}\n"),
           std::string("kind: IpsecConnection\nname: x\nspec: {ike: {psk: *TopSecret}}\n"),
           std::string("kind: IpsecConnection\nname: x\nspec: {ike: {psk: &TopSecret a}}\n"),
           std::string("kind: IpsecConnection\nname: x\nspec: {ike: {psk: !TopSecret a}}\n"),
           std::string("kind: IpsecConnection\nname: x\nspec:\n  ike:\n    psk: \"TopSecret\n"),
       }) {
    const Texts faults = faults_of(text);
    EXPECT_FALSE(faults.empty()) << text;
    for (const std::string& fault : faults)
      EXPECT_EQ(fault.find("TopSecret"), std::string::npos) << fault;
  }
}

TEST(Documents, EachFaultNamesItsOwnFile) {
  const std::string good = "kind: Region\nname: a\n";
  const std::string yaml = "\xef\xbb\xbf# saved by an editor\nkind: Region\nnaem: b\n";
  const std::string json =
      "[{\"kind\":\"Region\",\"name\":\"c\",\n  \"description\":\"\\ud83d\\ude00\"},\n"
      " {\"kind\":\"Vpc\",\"name\":\"v\",\"spec\":{\"region\":\n 7}}]";
  const ParsedDocuments parsed = parse_documents(std::vector<SourceText>{{"1.yaml", good},
                                                                         {"2.yaml", yaml},
                                                                         {"3.json", json},
                                                                         {"4.yaml", "a: [\n"},
                                                                         {"5.yaml", good}});
  Texts texts;
  for (const Error& error : parsed.errors) texts.push_back(error.text());
  EXPECT_EQ(texts,
            (Texts{"a document: naem is not a part of a document (2.yaml:3:1); use kind, name, "
                   "description, labels and spec; fields go under spec",
                   "a document: name is missing (2.yaml:2:1); write name: …",
                   "Vpc v: region is a number instead of a string (3.json:4:2); write it in quotes",
                   "Vpc v: cidr_blocks is missing (3.json:3:34); give a list such as "
                   "[172.16.0.0/16]",
                   "4.yaml:2:1 is not YAML: end of sequence flow not found; correct it",
                   "Region a: is declared twice (1.yaml:1:1 and 5.yaml:1:1); leave one of them "
                   "out"}));
  ASSERT_EQ(parsed.documents.size(), 2u);
  EXPECT_EQ(meta_of(parsed.documents[1].resource).description, "\U0001f600");
}

TEST(Documents, FaultsOfRulesGetTheirPlacesToo) {
  const std::string text =
      "kind: Region\nname: a\n---\nkind: VSwitch\nname: web\nspec:\n"
      "  vpc: nowhere\n  cidr: 172.16.1.0/24\n";
  Errors errors = {
      {ErrorCode::kInvalid, "VSwitch web", "vpc", "nowhere does not exist", "declare it"},
      {ErrorCode::kInvalid, "VSwitch web", "rules[3].ports", "is wrong", "correct it"},
      {ErrorCode::kInvalid, "Region a", "name", "is no name", "correct it"},
      {ErrorCode::kInvalid, "Region other", "name", "is no name", "correct it"}};
  add_places(errors, std::vector<SourceText>{{"a.yaml", text}});
  EXPECT_EQ(errors[0].what, "nowhere does not exist (a.yaml:7:8)");
  EXPECT_EQ(errors[1].what, "is wrong (a.yaml:7:3)");
  EXPECT_EQ(errors[2].what, "is no name (a.yaml:2:7)");
  EXPECT_EQ(errors[3].what, "is no name");
}

TEST(Documents, AtMostFiftyFaultsAreToldAndTheOthersCounted) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "---\nkind: Volcano\nname: v" + std::to_string(i) + "\n";
  const Texts faults = faults_of(text);
  ASSERT_EQ(faults.size(), kMaxFaults + 1);
  EXPECT_EQ(faults.back(), "there are 4950 more faults; correct these first");
}

TEST(Documents, AListAsItIsAnsweredIsReadAsItsItems) {
  for (const char* text :
       {"{\"revision\":7,\"items\":[{\"kind\":\"Region\",\"name\":\"a\",\"revision\":3,"
        "\"status\":{\"in_force\":true}},{\"kind\":\"Region\",\"name\":\"b\"}]}",
        "revision: 7\nitems:\n  - kind: Region\n    name: a\n  - {kind: Region, name: b}\n"}) {
    const ParsedDocuments parsed = parse_documents(text);
    ASSERT_TRUE(parsed.ok()) << parsed.errors[0].text();
    EXPECT_EQ(parsed.documents.size(), 2u);
  }
}

TEST(Documents, NumbersAreWhatEveryReaderTakesThemFor) {
  const auto lifetime = [](const char* number) {
    return faults_of_spec(
        "IpsecConnection",
        std::string("{vpn_gateway: g, customer_gateway: c, "
                    "local_subnets: [0.0.0.0/0], remote_subnets: [10.0.0.0/8], ike: "
                    "{lifetime_seconds: ") +
            number + "}}");
  };
  const std::string place = " (line 3); ";
  const std::string field = "IpsecConnection x: ike.lifetime_seconds ";
  EXPECT_EQ(lifetime("3600"), Texts{});
  EXPECT_EQ(lifetime("0100"), (Texts{field + "0100 has a leading zero" + place + "write 100"}));
  for (const char* number : {"4294967356", "-1", "99999999999999999999"})
    EXPECT_EQ(lifetime(number),
              (Texts{field + number + " is out of range" + place + "use 60 to 86400 seconds"}));
  for (const char* number : {"1e3", "0x10", "60.0", "+60", "1_000", "-"})
    EXPECT_EQ(lifetime(number), (Texts{field + number + " is not a whole number" + place +
                                       "write it with digits only"}));
}

TEST(Stored, ARowThatCannotBeReadSaysWhy) {
  const auto why = [](const char* kind, const char* body) {
    const auto row = from_stored(kind, "x", body);
    return row ? std::string("is read") : row.error().what;
  };
  EXPECT_EQ(why("Region", R"({"description":"","spec":{}})"), "is read");
  EXPECT_EQ(why("Volcano", "{}"), "its row in the store cannot be read: there is no such kind");
  EXPECT_EQ(why("Region", "\x0a\x06Region"),
            "its row in the store cannot be read: is not JSON: a value is expected here");
  EXPECT_EQ(why("VSwitch", R"({"description":"","spec":{"vpc":"v","cidr":"10.0.0.0/33"}})"),
            "its row in the store cannot be read: cidr 10.0.0.0/33 is not a prefix (line 1, "
            "column 44)");
  EXPECT_EQ(why("Region", R"({"description":"","spec":{"gone":1}})"),
            "its row in the store cannot be read: gone is not a field of Region (line 1, column "
            "27)");
}

TEST(Documents, TheExamplesAreTheNetworkOfTheTests) {
  model::Model model;
  const char* files[] = {"0-platform", "1-us-east", "2-shanghai",
                         "3-cen",      "4-publish", "5-security"};
  for (int step = 0; step <= 5; ++step) {
    std::ifstream file(std::string(FARSPAN_EXAMPLES "/global-offices/") + files[step] + ".yaml");
    std::stringstream text;
    text << file.rdbuf();
    const ParsedDocuments documents = parse_documents(text.str());
    for (const Error& error : documents.errors) ADD_FAILURE() << error.text();
    const GlobalOffices expected(step);
    for (const Document& document : documents.documents) {
      AnyResource resource = document.resource;
      meta_of(resource).number =
          meta_of(*find(expected.model, document.kind, document.name)).number;
      fill_secrets(resource, nullptr, [&] { return "psk-of-" + document.name; });
      upsert(model, resource);
    }
    EXPECT_EQ(model, expected.model) << files[step];
    EXPECT_TRUE(model::validate(model).empty());
  }
}

TEST(Documents, EveryResourceSurvivesItsTextAndItsRow) {
  RandomResource random(4291);
  for (int i = 0; i < 4000; ++i) {
    const AnyResource resource = random.next();
    AnyResource shown = resource;  // what people see of it: no secrets, nothing that Farspan gives
    if (auto* connection = std::get_if<model::IpsecConnection>(&shown)) connection->ike.psk = "";
    if (auto* node = std::get_if<model::Node>(&shown))
      node->identity_revision = node->identity_random = 0;
    for (const std::string& text :
         {to_yaml(resource), to_json(resource), to_json(resource, 0, -1)}) {
      const ParsedDocuments back = parse_documents(text);
      for (const Error& error : back.errors) ADD_FAILURE() << error.text() << "\n" << text;
      ASSERT_EQ(back.documents.size(), 1u) << text;
      ASSERT_EQ(back.documents[0].resource, shown) << text;
    }
    const auto row =
        from_stored(std::string(kind_of(resource)), meta_of(resource).name, to_stored(resource));
    ASSERT_TRUE(row.ok()) << row.error().text();
    ASSERT_EQ(*row, resource) << to_stored(resource);
  }
}

// A damaged text is refused with a place, or it is a text of its own: then it says what it was read
// as, whatever is done with it.
TEST(Documents, CutAndChangedTextsAreRefusedOrMeanWhatTheySay) {
  const std::string whole = to_yaml(list(GlobalOffices(5).model));
  std::mt19937 rng(7);
  int refused = 0, read = 0;
  for (int i = 0; i < 600; ++i) {
    std::string text = whole.substr(0, rng() % whole.size());
    for (int k = i % 3; k > 0 && !text.empty(); --k)
      text[rng() % text.size()] = static_cast<char>(i % 2 == 0 ? rng() % 256 : ' ' + rng() % 95);
    const ParsedDocuments documents = parse_documents(text);
    for (const Error& error : documents.errors) {
      const bool has_place = error.text().find("line ") != std::string::npos ||
                             error.text().find("UTF-8") != std::string::npos ||
                             error.text().find("more faults") != std::string::npos;
      EXPECT_TRUE(has_place && !error.remedy.empty()) << error.text();
    }
    if (!documents.ok()) ++refused;
    if (!documents.ok() || documents.documents.empty()) continue;
    ++read;
    std::vector<AnyResource> resources;
    for (const Document& document : documents.documents) resources.push_back(document.resource);
    const ParsedDocuments again = parse_documents(to_yaml(resources));
    ASSERT_EQ(again.documents.size(), resources.size());
    for (size_t k = 0; k < resources.size(); ++k)
      EXPECT_EQ(again.documents[k].resource, resources[k]);
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(read, 10);
}

}  // namespace
}  // namespace farspan::documents
