// SPDX-License-Identifier: Apache-2.0
#include "farspan/api/codec/documents.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

#include "farspan/api/codec/proto_resource.h"
#include "farspan/model/global_offices.h"
#include "farspan/model/validate.h"
#include "farspan/v1/resources.pb.h"

namespace farspan::api::codec {
namespace {

using model::testing::cidr;
using model::testing::GlobalOffices;
using model::testing::ip;
using Texts = std::vector<std::string>;

Texts faults_of(std::string_view text) {
  Texts texts;
  for (const Error& error : parse_documents(text).errors) texts.push_back(error.text());
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
  EXPECT_EQ(many.documents[1].line, 2);
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
       {"document in line 1: kind VSwitsch is not a kind (line 1); write VSwitch"}},
      {"kind: ipsec-connection\nname: web\n",
       {"document in line 1: kind ipsec-connection is not a kind (line 1); write IpsecConnection"}},
      {"kind: Volcano\nname: web\n",
       {"document in line 1: kind Volcano is not a kind (line 1); use one of Region, Node, Vpc, "
        "VSwitch, SecurityGroup, Instance, "
        "VpnGateway, CustomerGateway, IpsecConnection, VpnRoute, Cen, CenAttachment, CenRoute"}},
      {"name: web\n", {"document in line 1: kind is missing (line 1); write kind: …"}},
      {"kind: Region\n", {"document in line 1: name is missing (line 1); write name: …"}},
      {"- a\n- b\n",
       {"document in line 1: the document is not a map (line 1); write kind, name and spec"}},
      {"kind: Region\nname: a\nspecs: {}\n",
       {"document in line 1: specs is not a part of a document (line 3); use kind, name, "
        "description and spec; fields go under spec"}},
      {"kind: Region\nname: a\nname: b\n",
       {"document in line 1: name is given twice (line 2); write it once"}},
      {"kind: Region\nname: a\n---\nkind: Region\nname: a\n",
       {"Region a: is declared twice (lines 1 and 4); leave one of them out"}},
      {"kind: VSwitch\nname: web\nspec:\n  vpc: v\n  cdir: 172.16.1.0/24\n",
       {"VSwitch web: cdir is not a field of VSwitch (line 5); write cidr; the fields are vpc, "
        "cidr"}},
      {"kind: VSwitch\nname: web\nspec:\n  vpc: v\n  cidr: 172.16.1.0/24\n  vpc: w\n",
       {"VSwitch web: vpc is given twice (line 4); write it once"}},
      {"kind: VSwitch\nname: web\nspec:\n  cidr: 172.16.1.5/24\n",
       {"VSwitch web: vpc is missing (line 1); name a Vpc",
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
        "172.16.1.10"}},
      {"kind: Vpc\nname: v\nspec: {region: r, cidr_blocks: 10.0.0.0/8}\n",
       {"Vpc v: cidr_blocks is a word instead of a list (line 3); write it in brackets: [a, b]"}},
      {"kind: Vpc\nname: v\nspec:\n  region: r\n  cidr_blocks:\n    - 10.0.0.0/8\n    - x\n",
       {"Vpc v: cidr_blocks[1] x is not a prefix (line 7); write it like 172.16.1.0/24"}},
      {"kind: VpnRoute\nname: o\nspec: {vpn_gateway: g, destination: 10.0.0.0/8, ipsec_connection: "
       "c, published: maybe}\n",
       {"VpnRoute o: published maybe is not a truth value (line 3); write true or false"}},
      {"kind: Region\nname: \"a\\tb\"\n",
       {"document in line 1: name holds control characters (line 2); write it in one line of plain "
        "text"}},
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
            (Texts{"SecurityGroup x: rules[0] has no peer (line 3); give exactly one of peer_cidr "
                   "(0.0.0.0/0: anybody) and peer_group",
                   "SecurityGroup x: rules[1] has two peers (line 3); give exactly one of "
                   "peer_cidr (0.0.0.0/0: anybody) and peer_group",
                   "SecurityGroup x: rules[2].ports 80- is not a port or a range of ports (line "
                   "3); write it like 80 or 8000-8080",
                   "SecurityGroup x: rules[3].protocol sctp is not a value of it (line 3); use one "
                   "of all, tcp, udp, icmp, gre",
                   "SecurityGroup x: rules[3].action deny is not a value of it (line 3); use one "
                   "of accept, drop"}));
  EXPECT_EQ(faults_of_spec(
                "SecurityGroup",
                "{vpc: v, rules: [{peer_group: g, priority: 0}, {peer_group: g, priority: -1}]}"),
            (Texts{"SecurityGroup x: rules[0].priority 0 is out of range (line 3); leave it out "
                   "for the default",
                   "SecurityGroup x: rules[1].priority -1 is not a whole number (line 3); write a "
                   "number without sign and quotes"}));
}

TEST(Documents, RefuseWrongAlgorithmsWithTheAllowedOnes) {
  const std::string rest =
      "vpn_gateway: g, customer_gateway: c, local_subnets: [0.0.0.0/0], remote_subnets: "
      "[10.0.0.0/8]";
  EXPECT_EQ(faults_of_spec("IpsecConnection",
                           "{" + rest +
                               ", ike: {encryption: des, version: ikev3, dh_group: group1}, "
                               "ipsec: {integrity: sha512, pfs_group: none, pfs: x}}"),
            (Texts{"IpsecConnection x: ipsec.pfs is not a field of IpsecConnection (line 3); the "
                   "fields are encryption, integrity, "
                   "pfs_group, lifetime_seconds"}));
  EXPECT_EQ(faults_of_spec("IpsecConnection",
                           "{" + rest +
                               ", ike: {encryption: des, version: ikev3, dh_group: group1}, "
                               "ipsec: {integrity: sha512, pfs_group: none}}"),
            (Texts{"IpsecConnection x: ike.version ikev3 is not a value of it (line 3); use one of "
                   "ikev2, ikev1",
                   "IpsecConnection x: ike.encryption des is not a value of it (line 3); use one "
                   "of aes256, aes, aes128gcm, aes256gcm",
                   "IpsecConnection x: ike.dh_group group1 is not a value of it (line 3); use one "
                   "of group14, group2, group5, group19, "
                   "group20, group31",
                   "IpsecConnection x: ipsec.integrity sha512 is not a value of it (line 3); use "
                   "one of sha256, sha1",
                   "IpsecConnection x: ipsec.pfs_group none is not a value of it (line 3); use one "
                   "of group14, disabled, group2, group5, "
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
  EXPECT_TRUE(to_proto(connection, Secrets::kLeftOut).ipsec_connection().ike().psk().empty());
  EXPECT_EQ(to_proto(connection, Secrets::kIncluded).ipsec_connection().ike().psk(),
            "psk-of-office-1");
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

// Round trips: any resource → text → the same resource.
class RandomResource {
 public:
  explicit RandomResource(uint32_t seed) : rng_(seed) {}

  AnyResource next() {
    AnyResource resource = pick();
    model::Meta& meta = meta_of(resource);
    meta.name = name();
    meta.description = text();
    return resource;
  }

 private:
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(rng_() % bound); }
  bool coin() { return below(2) == 0; }
  std::string name() {
    static constexpr const char* kNames[] = {"a",   "web", "office-1", "true", "null",
                                             "x-9", "no",  "e5",       "z"};
    return kNames[below(9)];
  }
  std::string text() {
    static constexpr const char* kTexts[] = {
        "",     "plain",  "with: colon", "# no comment", "\"quoted\" \\ back",
        "ü€😀",  "- list", "~",           "{brace}",      " lead and trail ",
        "1.5",  "0x10",   "'",           "null",         "yes",
        "%any", "a, b",   "[x]"};
    return kTexts[below(18)];
  }
  net::Address address() { return net::Address::v4(static_cast<uint32_t>(rng_())); }
  net::Prefix prefix() { return net::Prefix::covering(address(), static_cast<int>(below(33))); }
  std::vector<net::Prefix> prefixes() {
    std::vector<net::Prefix> all(1 + below(5));
    for (auto& one : all) one = prefix();
    return all;
  }
  template <class Enum>
  Enum one_of(std::initializer_list<Enum> values) {
    return values.begin()[below(static_cast<uint32_t>(values.size()))];
  }

  model::SecurityRule rule() {
    model::SecurityRule rule;
    rule.direction = one_of({model::Direction::kIngress, model::Direction::kEgress});
    rule.protocol =
        one_of({model::RuleProtocol::kAll, model::RuleProtocol::kTcp, model::RuleProtocol::kUdp,
                model::RuleProtocol::kIcmp, model::RuleProtocol::kGre});
    if (coin())
      rule.ports = {static_cast<uint16_t>(below(1000)), static_cast<uint16_t>(below(65536))};
    if (coin())
      rule.peer = prefix();
    else
      rule.peer = name();
    rule.action = one_of({model::RuleAction::kAccept, model::RuleAction::kDrop});
    rule.priority = static_cast<int>(1 + below(100));
    rule.description = text();
    return rule;
  }
  model::DhGroup group() {
    return one_of({model::DhGroup::kGroup2, model::DhGroup::kGroup5, model::DhGroup::kGroup14,
                   model::DhGroup::kGroup19, model::DhGroup::kGroup20, model::DhGroup::kGroup31});
  }
  model::Encryption encryption() {
    return one_of({model::Encryption::kAes128, model::Encryption::kAes256,
                   model::Encryption::kAes128Gcm, model::Encryption::kAes256Gcm});
  }
  model::IpsecConnection connection() {
    model::IpsecConnection c;
    c.vpn_gateway = name();
    c.customer_gateway = name();
    c.local_subnets = prefixes();
    c.remote_subnets = prefixes();
    c.is_effect_immediately = coin();
    c.has_dpd = coin();
    c.ike.version = one_of({model::IkeVersion::kIkev1, model::IkeVersion::kIkev2});
    c.ike.mode = one_of({model::IkeMode::kMain, model::IkeMode::kAggressive});
    c.ike.encryption = encryption();
    c.ike.integrity = one_of({model::Integrity::kSha1, model::Integrity::kSha256,
                              model::Integrity::kSha384, model::Integrity::kSha512});
    c.ike.dh_group = group();
    c.ike.lifetime_seconds = 1 + below(86400);
    c.ike.local_id = text();
    c.ike.remote_id = text();
    c.ipsec.encryption = encryption();
    c.ipsec.integrity = one_of({model::Integrity::kSha1, model::Integrity::kSha256});
    c.ipsec.pfs_group = coin() ? group() : model::DhGroup::kNone;
    c.ipsec.lifetime_seconds = 1 + below(86400);
    return c;
  }
  AnyResource pick() {
    switch (below(13)) {
      case 0:
        return model::Region{};
      case 1:
        return model::Node{{}, name(), address()};
      case 2:
        return model::Vpc{{}, name(), prefixes()};
      case 3:
        return model::VSwitch{{}, name(), prefix()};
      case 4: {
        model::SecurityGroup g{{}, name(), coin(), {}};
        for (uint32_t i = below(4); i > 0; --i) g.rules.push_back(rule());
        return g;
      }
      case 5:
        return model::Instance{
            {}, name(), address(), {name(), name()}, name(), coin() ? name() : ""};
      case 6:
        return model::VpnGateway{{}, name(), name()};
      case 7:
        return model::CustomerGateway{{}, address()};
      case 8:
        return connection();
      case 9:
        return model::VpnRoute{
            {}, name(), prefix(), coin() ? std::optional(prefix()) : std::nullopt, name(), coin()};
      case 10:
        return model::Cen{};
      case 11:
        return model::CenAttachment{{}, name(), name()};
      default:
        return model::CenRoute{{}, name(), name(), prefix()};
    }
  }
  std::mt19937 rng_;
};

TEST(Documents, EveryResourceSurvivesItsText) {
  RandomResource random(4291);
  for (int i = 0; i < 4000; ++i) {
    const AnyResource resource = random.next();
    for (const std::string& text :
         {to_yaml(resource), to_json(resource), to_json(resource, 0, -1)}) {
      const ParsedDocuments back = parse_documents(text);
      for (const Error& error : back.errors) ADD_FAILURE() << error.text() << "\n" << text;
      ASSERT_EQ(back.documents.size(), 1u) << text;
      ASSERT_EQ(back.documents[0].resource, resource) << text;
    }
    Errors errors;
    ASSERT_EQ(from_proto(to_proto(resource, Secrets::kIncluded), errors), std::optional(resource));
  }
}

TEST(Documents, CutAndChangedTextsAreRefusedOrReadButNeverMore) {
  const std::string whole = [] {
    std::string text;
    for (const AnyResource& resource : list(GlobalOffices(5).model))
      text += "---\n" + to_yaml(resource);
    return text;
  }();
  std::mt19937 rng(7);
  for (int i = 0; i < 400; ++i) {
    std::string text = whole.substr(0, rng() % whole.size());
    for (int k = 0; k < 3 && !text.empty(); ++k)
      text[rng() % text.size()] = static_cast<char>(rng() % 256);
    const ParsedDocuments documents = parse_documents(text);
    for (const Document& document : documents.documents)
      EXPECT_EQ(document.name, meta_of(document.resource).name);
  }
}

}  // namespace
}  // namespace farspan::api::codec
