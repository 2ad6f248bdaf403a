// SPDX-License-Identifier: Apache-2.0
// Every refusal of validate(), with the text an operator reads. Each row changes one thing in the
// example network.
#include "farspan/model/validate.h"

#include <gtest/gtest.h>

#include <functional>

#include "farspan/model/global_offices.h"

namespace farspan::model {
namespace {

using testing::cidr;
using testing::GlobalOffices;
using testing::ip;

std::vector<std::string> texts(const Model& model) {
  std::vector<std::string> texts;
  for (const Error& error : validate(model)) texts.push_back(error.text());
  return texts;
}

TEST(Validate, AdmitsEveryStepOfTheExample) {
  for (int steps = 0; steps <= 5; ++steps)
    EXPECT_EQ(texts(GlobalOffices(steps).model), std::vector<std::string>{}) << steps;
}

struct Refusal {
  const char* name;
  std::function<void(GlobalOffices&)> change;
  std::vector<std::string> texts;
};

class ValidateRefuses : public ::testing::TestWithParam<Refusal> {};

TEST_P(ValidateRefuses, WithItsText) {
  GlobalOffices network(5);
  GetParam().change(network);
  EXPECT_EQ(texts(network.model), GetParam().texts);
}

// The resource called `name`, to be changed.
template <class Resource>
Resource& at(GlobalOffices& network, const char* name) {
  return network.model.all<Resource>().at(name);
}
IkeConfig& ike1(GlobalOffices& network) { return at<IpsecConnection>(network, "office-1").ike; }
SecurityRule& rule(GlobalOffices& network) {
  return at<SecurityGroup>(network, "app-us-east").rules[0];
}

const std::vector<Refusal> kNames = {
    {"NameWithCapitals",
     [](auto& n) { n.add("Upper", Region{}); },
     {"Region Upper: name \"Upper\" is not a name; use 1 to 63 of a-z, 0-9 and '-', starting with "
      "a letter"}},
    {"NameThatStartsWithADigit",
     [](auto& n) { n.add("1st", Region{}); },
     {"Region 1st: name \"1st\" is not a name; use 1 to 63 of a-z, 0-9 and '-', starting with a "
      "letter"}},
    {"NameTooLong",
     [](auto& n) { n.add(std::string(64, 'a'), Region{}); },
     {"Region " + std::string(64, 'a') + ": name \"" + std::string(64, 'a') +
      "\" is not a name; use 1 to 63 of a-z, 0-9 and '-', starting with a letter"}},
    {"DescriptionTooLong",
     [](auto& n) { n.add("eu", Region{}).meta.description = std::string(257, 'x'); },
     {"Region eu: description has 257 characters; use at most 256"}},
    {"DescriptionWithControlCharacters",
     [](auto& n) { n.add("eu", Region{}).meta.description = "a\x1b[31m"; },
     {"Region eu: description holds control characters or marks that turn the direction of "
      "writing; write it in one line of plain text"}},
    {"DescriptionThatTurnsTheDirectionOfWriting",
     [](auto& n) { n.add("eu", Region{}).meta.description = "a\u202eb"; },
     {"Region eu: description holds control characters or marks that turn the direction of "
      "writing; write it in one line of plain text"}},
    {"NumberAboveTheLabels",
     [](auto& n) { at<Vpc>(n, "us-east").meta.number = 1u << 20; },
     {"Vpc us-east: number 1048576 is above 1048559, the last one the data plane can carry; "
      "compact the numbers of the store"}},
    {"NumberTwice",
     [](auto& n) { at<Region>(n, "us-east").meta.number = at<Region>(n, "shanghai").meta.number; },
     {"Region us-east: number 2 is also that of Region shanghai; report this defect"}},
};

const std::vector<Refusal> kNodes = {
    {"DanglingRegion",
     [](auto& n) { n.node("eu-node", "eu", "203.0.113.3"); },
     {"Node eu-node: region eu does not exist; declare Region eu or name one that does: shanghai, "
      "us-east"}},
    {"MissingRegion",
     [](auto& n) { n.node("eu-node", "", "203.0.113.3"); },
     {"Node eu-node: region is missing; name a Region"}},
    {"NodeAddressTwice",
     [](auto& n) { n.node("spare", "us-east", "203.0.113.1"); },
     {"Node spare: public_address 203.0.113.1 is also that of Node us-east-node; give each node an "
      "address of its own"}},
    {"NodeAddressLoopback",
     [](auto& n) { n.node("spare", "us-east", "127.0.0.1"); },
     {"Node spare: public_address 127.0.0.1 lies inside 127.0.0.0/8 (loopback); give the address "
      "at which offices and other "
      "nodes reach this machine"}},
    {"NodeAddressIpv6",
     [](auto& n) { n.node("spare", "us-east", "2001:db8::1"); },
     {"Node spare: public_address 2001:db8::1 is IPv6; give an IPv4 address; the underlay is IPv4 "
      "only"}},
};

const std::vector<Refusal> kNetworks = {
    {"VpcWithoutBlock",
     [](auto& n) {
       n.add("spare", Vpc{{}, "us-east", {}});
     },
     {"Vpc spare: cidr_blocks is missing; give 1 to 6 of them"}},
    {"VpcTooSmall",
     [](auto& n) { n.vpc("spare", "us-east", "10.0.0.0/29"); },
     {"Vpc spare: cidr_blocks[0] 10.0.0.0/29 has a length of 29; use /8 to /28"}},
    {"VpcOfTheWholeInternet",
     [](auto& n) { n.vpc("spare", "us-east", "0.0.0.0/0"); },
     {"Vpc spare: cidr_blocks[0] 0.0.0.0/0 has a length of 0; use /8 to /28"}},
    {"VpcInReservedRange",
     [](auto& n) { n.vpc("spare", "us-east", "100.64.0.0/16"); },
     {"Vpc spare: cidr_blocks[0] 100.64.0.0/16 overlaps 100.64.0.0/10 (shared address space and "
      "cloud services); choose a prefix "
      "outside it, best a private one: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"}},
    {"VpcOfMulticast",
     [](auto& n) { n.vpc("spare", "us-east", "224.0.0.0/8"); },
     {"Vpc spare: cidr_blocks[0] 224.0.0.0/8 overlaps 224.0.0.0/4 (multicast); choose a prefix "
      "outside it, best a private one: "
      "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"}},
    {"VpcBlocksOverlap",
     [](auto& n) {
       n.add("spare", Vpc{{}, "us-east", {cidr("10.0.0.0/8"), cidr("10.1.0.0/16")}});
     },
     {"Vpc spare: cidr_blocks 10.1.0.0/16 overlaps 10.0.0.0/8 of its own; leave one of them out"}},
    {"VpcTooManyBlocks",
     [](auto& n) {
       Vpc vpc{{}, "us-east", {}};
       for (uint32_t i = 0; i < 7; ++i)
         vpc.cidr_blocks.push_back(
             net::Prefix::covering(net::Address::v4(i << 16 | 0x0a000000), 16));
       n.add("spare", vpc);
     },
     {"Vpc spare: cidr_blocks has 7 items; use at most 6"}},
    {"VSwitchOutsideItsVpc",
     [](auto& n) { n.vswitch("spare", "us-east", "172.18.1.0/24"); },
     {"VSwitch spare: cidr 172.18.1.0/24 is outside Vpc us-east (172.16.0.0/16); choose a prefix "
      "inside, or add a block to the "
      "Vpc"}},
    {"VSwitchTooSmall",
     [](auto& n) { n.vswitch("spare", "us-east", "172.16.2.0/30"); },
     {"VSwitch spare: cidr 172.16.2.0/30 has a length of 30; use /16 to /29"}},
    {"VSwitchesOverlap",
     [](auto& n) { n.vswitch("spare", "us-east", "172.16.1.128/25"); },
     {"VSwitch spare: cidr 172.16.1.128/25 overlaps VSwitch us-east-apps (172.16.1.0/24) in Vpc "
      "us-east; choose a prefix that "
      "nothing else uses"}},
    {"VSwitchOfNoVpc",
     [](auto& n) { n.vswitch("spare", "us-west", "172.16.2.0/24"); },
     {"VSwitch spare: vpc us-west does not exist; declare Vpc us-west or name one that does: "
      "shanghai, us-east"}},
};

const std::vector<Refusal> kInstances = {
    {"AddressOutsideItsVSwitch",
     [](auto& n) {
       n.instance("db", "us-east-apps", "172.16.2.10", "app-us-east", "us-east-node");
     },
     {"Instance db: address 172.16.2.10 is outside VSwitch us-east-apps (172.16.1.0/24); choose an "
      "address inside"}},
    {"FirstAddress",
     [](auto& n) { n.instance("db", "us-east-apps", "172.16.1.0", "app-us-east", "us-east-node"); },
     {"Instance db: address 172.16.1.0 is reserved in VSwitch us-east-apps (172.16.1.0/24): the "
      "first and the last three "
      "addresses are; choose one from 172.16.1.1 to 172.16.1.252"}},
    {"ThirdLastAddress",
     [](auto& n) {
       n.instance("db", "us-east-apps", "172.16.1.253", "app-us-east", "us-east-node");
     },
     {"Instance db: address 172.16.1.253 is reserved in VSwitch us-east-apps (172.16.1.0/24): the "
      "first and the last three "
      "addresses are; choose one from 172.16.1.1 to 172.16.1.252"}},
    {"AddressTwice",
     [](auto& n) {
       n.instance("db", "us-east-apps", "172.16.1.10", "app-us-east", "us-east-node");
     },
     {"Instance db: address 172.16.1.10 is also that of Instance app-us-east in Vpc us-east; "
      "choose a free address"}},
    {"NodeOfAnotherRegion",
     [](auto& n) {
       n.instance("db", "us-east-apps", "172.16.1.11", "app-us-east", "shanghai-node");
     },
     {"Instance db: node shanghai-node is in Region shanghai but Vpc us-east in Region us-east; "
      "name a node of Region us-east"}},
    {"GroupOfAnotherVpc",
     [](auto& n) {
       n.instance("db", "us-east-apps", "172.16.1.11", "app-shanghai", "us-east-node");
     },
     {"Instance db: security_groups[0] app-shanghai belongs to Vpc shanghai; name a SecurityGroup "
      "of Vpc us-east"}},
    {"NoGroup",
     [](auto& n) {
       n.add("db", Instance{{}, "us-east-apps", ip("172.16.1.11"), {}, "us-east-node", "db"});
     },
     {"Instance db: security_groups is missing; give 1 to 5 of them"}},
    {"SixGroups",
     [](auto& n) {
       Instance db{{}, "us-east-apps", ip("172.16.1.11"), {}, "us-east-node", "db"};
       for (int i = 0; i < 6; ++i) {
         const std::string name = "g" + std::to_string(i);
         n.group(name, "us-east");
         db.security_groups.push_back(name);
       }
       n.add("db", db);
     },
     {"Instance db: security_groups has 6 items; use at most 5"}},
    {"GroupTwice",
     [](auto& n) {
       n.add("db", Instance{{},
                            "us-east-apps",
                            ip("172.16.1.11"),
                            {"app-us-east", "app-us-east"},
                            "us-east-node",
                            "db"});
     },
     {"Instance db: security_groups[1] app-us-east is named twice; name it once"}},
    {"NetnsThatLeavesItsDirectory",
     [](auto& n) { at<Instance>(n, "app-us-east").netns = "../../etc"; },
     {"Instance app-us-east: netns \"../../etc\" holds a character that is not allowed; use "
      "letters, digits and ._- without blanks"}},
    {"NetnsDotDot",
     [](auto& n) { at<Instance>(n, "app-us-east").netns = ".."; },
     {"Instance app-us-east: netns .. is not the name of a network namespace; name one of "
      "/run/netns"}},
    {"NetnsTwice",
     [](auto& n) {
       n.instance("db", "us-east-apps", "172.16.1.11", "app-us-east", "us-east-node");
       at<Instance>(n, "db").netns = "app-us-east";
     },
     {"Instance db: netns app-us-east is also that of Instance app-us-east on Node us-east-node; "
      "give each instance a namespace of "
      "its own"}},
};

const std::vector<Refusal> kGroups = {
    {"PriorityTooHigh",
     [](auto& n) { rule(n).priority = 101; },
     {"SecurityGroup app-us-east: rules[0].priority 101 is out of range; use 1 to 100"}},
    {"PortsBackwards",
     [](auto& n) {
       rule(n).ports = {90, 80};
     },
     {"SecurityGroup app-us-east: rules[0].ports 90-80 is not a range; write low-high with 1 <= "
      "low <= high <= 65535"}},
    {"PortZero",
     [](auto& n) {
       rule(n).ports = {0, 80};
     },
     {"SecurityGroup app-us-east: rules[0].ports 0-80 is not a range; write low-high with 1 <= low "
      "<= high <= 65535"}},
    {"PortsOfIcmp",
     [](auto& n) { rule(n).protocol = RuleProtocol::kIcmp; },
     {"SecurityGroup app-us-east: rules[0].ports 80-80 means nothing for this protocol; leave "
      "ports out, or use tcp or udp"}},
    {"PeerGroupOfAnotherVpc",
     [](auto& n) { rule(n).peer = std::string("app-shanghai"); },
     {"SecurityGroup app-us-east: rules[0].peer_group app-shanghai belongs to Vpc shanghai; name a "
      "SecurityGroup of Vpc us-east, or "
      "write its addresses as peer_cidr"}},
    {"PeerGroupThatDoesNotExist",
     [](auto& n) { rule(n).peer = std::string("web"); },
     {"SecurityGroup app-us-east: rules[0].peer_group web does not exist; declare SecurityGroup "
      "web or name one that does: "
      "app-shanghai, app-us-east"}},
    {"TooManyRules",
     [](auto& n) { at<SecurityGroup>(n, "app-us-east").rules.resize(201, rule(n)); },
     {"SecurityGroup app-us-east: rules has 201 items; use at most 200"}},
    {"TooManyPeerGroups",
     [](auto& n) {
       rule(n).peer = std::string("app-us-east");
       at<SecurityGroup>(n, "app-us-east").rules.assign(21, rule(n));
     },
     {"SecurityGroup app-us-east: rules[20].peer_group is the 21st reference to another group; use "
      "at most 20"}},
    {"PeerFromWhereNobodyComes",
     [](auto& n) { rule(n).peer = cidr("127.0.0.0/8"); },
     {"SecurityGroup app-us-east: rules[0].peer_cidr 127.0.0.0/8 lies in 127.0.0.0/8 (loopback), "
      "from where nobody comes; name the addresses of the other side; 0.0.0.0/0 is anybody"}},
    {"RuleDescriptionTooLong",
     [](auto& n) { rule(n).description = std::string(513, 'x'); },
     {"SecurityGroup app-us-east: rules[0].description has 513 characters; use at most 512"}},
};

const std::vector<Refusal> kGateways = {
    {"SecondGatewayOfAVpc",
     [](auto& n) { n.gateway("zz", "us-east", "us-east-node"); },
     {"VpnGateway zz: vpc us-east already has VpnGateway us-east; use that one; a Vpc has one "
      "gateway"}},
    {"GatewayOnANodeOfAnotherRegion",
     [](auto& n) { at<VpnGateway>(n, "us-east").node = "shanghai-node"; },
     {"VpnGateway us-east: node shanghai-node is in Region shanghai but Vpc us-east in Region "
      "us-east; name a node of Region us-east"}},
    {"CustomerGatewayTwice",
     [](auto& n) {
       n.add("zz", CustomerGateway{{}, ip("198.51.100.11")});
     },
     {"CustomerGateway zz: address 198.51.100.11 is also that of CustomerGateway office-1; use "
      "that resource, or correct the address"}},
    {"CustomerGatewayThatIsANode",
     [](auto& n) {
       n.add("zz", CustomerGateway{{}, ip("203.0.113.1")});
     },
     {"CustomerGateway zz: address 203.0.113.1 is also that of Node us-east-node; use that "
      "resource, or correct the address"}},
    {"CustomerGatewayInSharedSpace",
     [](auto& n) {
       n.add("zz", CustomerGateway{{}, ip("100.64.1.1")});
     },
     {"CustomerGateway zz: address 100.64.1.1 lies inside 100.64.0.0/10 (shared address space and "
      "cloud services); give the address "
      "from which the office's device, or the NAT device before it, appears"}},
    {"CustomerGatewayBroadcast",
     [](auto& n) {
       n.add("zz", CustomerGateway{{}, ip("255.255.255.255")});
     },
     {"CustomerGateway zz: address 255.255.255.255 lies inside 240.0.0.0/4 (reserved and "
      "broadcast); give the address from which the "
      "office's device, or the NAT device before it, appears"}},
};

const std::vector<Refusal> kConnections = {
    {"DanglingCustomerGateway",
     [](auto& n) { n.model.template all<CustomerGateway>().erase("office-1"); },
     {"IpsecConnection office-1: customer_gateway office-1 does not exist; declare CustomerGateway "
      "office-1 or name one that does: "
      "office-2, office-3, office-4"}},
    {"SixRemoteSubnets",
     [](auto& n) {
       auto& subnets = at<IpsecConnection>(n, "office-1").remote_subnets;
       for (const char* more :
            {"10.11.1.0/24", "10.11.2.0/24", "10.11.3.0/24", "10.11.4.0/24", "10.11.5.0/24"})
         subnets.push_back(cidr(more));
     },
     {"IpsecConnection office-1: remote_subnets has 6 items; use at most 5"}},
    {"NoLocalSubnet",
     [](auto& n) { at<IpsecConnection>(n, "office-1").local_subnets.clear(); },
     {"IpsecConnection office-1: local_subnets is missing; give 1 to 5 of them"}},
    {"Ikev1WithTwoPairs",
     [](auto& n) {
       ike1(n).version = IkeVersion::kIkev1;
       at<IpsecConnection>(n, "office-1").remote_subnets.push_back(cidr("10.11.1.0/24"));
     },
     {"IpsecConnection office-1: remote_subnets has 2 prefixes with ikev1; use one, or ike.version "
      "ikev2: IKEv1 negotiates one pair"}},
    {"SubnetsOfOneListOverlap",
     [](auto& n) {
       at<IpsecConnection>(n, "office-1").remote_subnets.push_back(cidr("10.10.10.128/25"));
     },
     {"IpsecConnection office-1: remote_subnets[1] 10.10.10.128/25 overlaps 10.10.10.0/24 of the "
      "same list; leave one of them out"}},
    {"RemoteSubnetInReservedRange",
     [](auto& n) { n.office("zz", "us-east", "198.51.100.99", "169.254.1.0/24"); },
     {"IpsecConnection zz: remote_subnets[0] 169.254.1.0/24 overlaps 169.254.0.0/16 (link-local); "
      "choose a prefix outside it, best a "
      "private one: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"}},
    {"AggressiveIkev2",
     [](auto& n) { ike1(n).mode = IkeMode::kAggressive; },
     {"IpsecConnection office-1: ike.mode aggressive exists only in ikev1; leave it out, or use "
      "ike.version ikev1"}},
    {"GcmInPhase1OfIkev1",
     [](auto& n) {
       ike1(n).version = IkeVersion::kIkev1;
       ike1(n).encryption = Encryption::kAes256Gcm;
     },
     {"IpsecConnection office-1: ike.encryption aes256gcm is not defined for phase 1 of ikev1; use "
      "aes "
      "or aes256, or ikev2"}},
    {"NoDhGroup",
     [](auto& n) { ike1(n).dh_group = DhGroup::kNone; },
     {"IpsecConnection office-1: ike.dh_group disabled is not possible in phase 1; choose a group, "
      "such as group14"}},
    {"ChaCha20InPhase1OfIkev1",
     [](auto& n) {
       ike1(n).version = IkeVersion::kIkev1;
       ike1(n).encryption = Encryption::kChaCha20Poly1305;
     },
     {"IpsecConnection office-1: ike.encryption chacha20poly1305 is not defined for phase 1 of "
      "ikev1; use aes or aes256, or ikev2"}},
    {"ChaCha20InPhase2OfIkev1",
     [](auto& n) {
       ike1(n).version = IkeVersion::kIkev1;
       at<IpsecConnection>(n, "office-1").ipsec.encryption = Encryption::kChaCha20Poly1305;
     },
     {"IpsecConnection office-1: ipsec.encryption chacha20poly1305 is not defined for ikev1; use "
      "aes256 or aes256gcm, or ikev2"}},
    {"ReplayWindowTooLarge",
     [](auto& n) { at<IpsecConnection>(n, "office-1").ipsec.replay_window_packets = 4097; },
     {"IpsecConnection office-1: ipsec.replay_window 4097 is out of range; use 64 to 4096 "
      "packets"}},
    {"LifetimeTooLong",
     [](auto& n) { ike1(n).lifetime_seconds = 86401; },
     {"IpsecConnection office-1: ike.lifetime_seconds 86401 is out of range; use 60 to 86400 "
      "seconds"}},
    {"LifetimeTooShort",
     [](auto& n) { at<IpsecConnection>(n, "office-1").ipsec.lifetime_seconds = 59; },
     {"IpsecConnection office-1: ipsec.lifetime_seconds 59 is out of range; use 60 to 86400 "
      "seconds"}},
    {"NoPsk",
     [](auto& n) { ike1(n).psk.clear(); },
     {"IpsecConnection office-1: ike.psk is missing; give 1 to 100 characters"}},
    {"PskTooLong",
     [](auto& n) { ike1(n).psk = std::string(101, 'k'); },
     {"IpsecConnection office-1: ike.psk has 101 characters; use at most 100"}},
    {"PskWithBlank",
     [](auto& n) { ike1(n).psk = "two words"; },
     {"IpsecConnection office-1: ike.psk holds a character that is not allowed; use letters, "
      "digits and "
      "~!`@#$%^&*()_-+={}[]|;:\",.<>/? without blanks"}},
    {"WildcardIdentity",
     [](auto& n) { ike1(n).remote_id = "%any"; },
     {"IpsecConnection office-1: ike.remote_id \"%any\" holds a character that is not "
      "allowed; use letters, digits and .-_@: without blanks"}},
    {"IdentityTooLong",
     [](auto& n) { ike1(n).local_id = std::string(101, 'a'); },
     {"IpsecConnection office-1: ike.local_id has 101 characters; use at most 100"}},
    {"IdentityOfAnotherOffice",
     [](auto& n) { ike1(n).remote_id = "198.51.100.12"; },
     {"IpsecConnection office-2: ike.remote_id 198.51.100.12 is also that of IpsecConnection "
      "office-1 on Node us-east-node; give each "
      "office an identity of its own"}},
    {"SameGatewayAndOfficeTwice",
     [](auto& n) {
       n.office("zz", "us-east", "198.51.100.99", "10.11.1.0/24").customer_gateway = "office-1";
     },
     {"IpsecConnection zz: customer_gateway office-1 is already joined to VpnGateway us-east by "
      "IpsecConnection office-1; use that "
      "connection, or another gateway"}},
};

const std::vector<Refusal> kRoutes = {
    {"DefaultRoute",
     [](auto& n) { n.route("zz", "us-east", "0.0.0.0/0", "office-1"); },
     {"VpnRoute zz: destination 0.0.0.0/0 is not allowed: a VPN gateway is no way to the Internet; "
      "name the office's networks"}},
    {"AroundSharedSpace",
     [](auto& n) { n.route("zz", "us-east", "100.0.0.0/8", "office-1"); },
     {"VpnRoute zz: destination 100.0.0.0/8 overlaps 100.64.0.0/10 (shared address space and cloud "
      "services); choose a prefix outside "
      "it, best a private one: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"}},
    {"InsideAVSwitch",
     [](auto& n) {
       auto& office = n.office("zz", "us-east", "198.51.100.99", "0.0.0.0/0");
       office.remote_subnets = {cidr("0.0.0.0/0")};
       n.route("zz", "us-east", "172.16.1.0/25", "zz");
     },
     {"VpnRoute zz: destination 172.16.1.0/25 lies in VSwitch us-east-apps (172.16.1.0/24) of Vpc "
      "us-east; choose a prefix outside the "
      "Vpc's vSwitches",
      "VpnRoute zz: destination 172.16.1.0/25 overlaps Vpc us-east (172.16.0.0/16); choose a "
      "prefix that nothing else uses"}},
    {"OutsideTheSelectors",
     [](auto& n) { n.route("zz", "us-east", "10.99.0.0/24", "office-1"); },
     {"VpnRoute zz: destination 10.99.0.0/24 is outside remote_subnets (10.10.10.0/24) of "
      "IpsecConnection office-1; choose a prefix "
      "inside, or add it to the connection: its tunnel carries nothing else"}},
    {"ConnectionOfAnotherGateway",
     [](auto& n) { n.route("zz", "us-east", "10.20.10.0/24", "office-3"); },
     {"VpnRoute zz: ipsec_connection office-3 belongs to VpnGateway shanghai; name a connection of "
      "VpnGateway us-east"}},
    {"SourceThatHidesThePlainRoute",
     [](auto& n) {
       at<VpnRoute>(n, "office-1").source = cidr("0.0.0.0/0");
       n.model.template all<CenRoute>().erase("office-1");
     },
     {"VpnRoute office-1: source 0.0.0.0/0 would hide the route without a source; leave source "
      "out: it then is for packets from everywhere"}},
    {"SourceOfMulticast",
     [](auto& n) {
       at<VpnRoute>(n, "office-1").source = cidr("224.0.0.0/4");
       n.model.template all<CenRoute>().erase("office-1");
     },
     {"VpnRoute office-1: source 224.0.0.0/4 overlaps 224.0.0.0/4 (multicast); choose a prefix "
      "outside it, best a private one: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"}},
    {"RouteTwice",
     [](auto& n) { n.route("zz", "us-east", "10.10.10.0/24", "office-1"); },
     {"VpnRoute zz: destination 10.10.10.0/24 is already routed by VpnRoute office-1; change that "
      "route instead"}},
};

const std::vector<Refusal> kCens = {
    {"VpcInTwoCens",
     [](auto& n) {
       n.add("other", Cen{});
       n.add("zz", CenAttachment{{}, "other", "us-east"});
     },
     {"CenAttachment zz: vpc us-east is already attached to Cen global by CenAttachment us-east; "
      "delete that attachment first; a Vpc is "
      "in one Cen"}},
    {"PublishingFromAVpcThatIsNotAttached",
     [](auto& n) { n.model.template all<CenAttachment>().erase("shanghai"); },
     {"CenRoute office-3: vpc shanghai is not attached to Cen global; declare a CenAttachment of "
      "the two",
      "CenRoute office-4: vpc shanghai is not attached to Cen global; declare a CenAttachment of "
      "the two"}},
    {"PublishingNothing",
     [](auto& n) { n.publish("zz", "global", "us-east", "10.99.0.0/24"); },
     {"CenRoute zz: destination 10.99.0.0/24 is not a route of Vpc us-east that can be published; "
      "declare a VpnRoute to it with "
      "published: true; vSwitches are published by themselves"}},
    {"PublishingWhatIsOnlyInTheGateway",
     [](auto& n) { at<VpnRoute>(n, "office-1").is_published = false; },
     {"CenRoute office-1: destination 10.10.10.0/24 is only in the gateway's table: VpnRoute "
      "office-1 is not published; set published: "
      "true on that VpnRoute"}},
    {"PublishingTwice",
     [](auto& n) { n.publish("zz", "global", "us-east", "10.10.10.0/24"); },
     {"CenRoute zz: destination 10.10.10.0/24 is already published by CenRoute office-1; delete "
      "one of the two"}},
};

const std::vector<Refusal> kOverlaps = {
    {"OfficesOfOneGateway",
     [](auto& n) { n.office("office-9", "us-east", "198.51.100.19", "10.10.10.0/24"); },
     {"IpsecConnection office-9: remote_subnets 10.10.10.0/24 overlaps IpsecConnection office-1 "
      "(10.10.10.0/24) in Vpc us-east; choose a "
      "prefix that nothing else uses"}},
    {"TheNewerOneIsToldEvenWhenItIsLarger",
     [](auto& n) { n.office("a", "us-east", "198.51.100.19", "10.10.0.0/19"); },
     {"IpsecConnection a: remote_subnets 10.10.0.0/19 overlaps IpsecConnection office-1 "
      "(10.10.10.0/24) in Vpc us-east; choose a prefix "
      "that nothing else uses",
      "IpsecConnection a: remote_subnets 10.10.0.0/19 overlaps IpsecConnection office-2 "
      "(10.10.20.0/24) in Vpc us-east; choose a prefix "
      "that nothing else uses"}},
    {"OfficeAndItsVpc",
     [](auto& n) { n.office("office-9", "us-east", "198.51.100.19", "172.16.99.0/24"); },
     {"IpsecConnection office-9: remote_subnets 172.16.99.0/24 overlaps Vpc us-east "
      "(172.16.0.0/16); choose a prefix that nothing else "
      "uses"}},
    {"OfficesOfTwoVpcsOfOneCen",
     [](auto& n) { n.office("office-9", "us-east", "198.51.100.19", "10.20.10.0/25"); },
     {"IpsecConnection office-9: remote_subnets 10.20.10.0/25 overlaps IpsecConnection office-3 "
      "(10.20.10.0/24) in Vpc shanghai, which "
      "Cen global joins to Vpc us-east; choose a prefix that nothing else uses"}},
    {"OfficeAndAVpcBeyondTheCen",
     [](auto& n) { n.office("office-9", "us-east", "198.51.100.19", "172.17.9.0/24"); },
     {"IpsecConnection office-9: remote_subnets 172.17.9.0/24 overlaps Vpc shanghai "
      "(172.17.0.0/16), which Cen global joins to Vpc "
      "us-east; choose a prefix that nothing else uses"}},
    {"VpcsOfOneCen",
     [](auto& n) {
       n.vpc("spare", "us-east", "172.16.0.0/12");
       n.attach("global", "spare");
     },
     {"Vpc spare: cidr_blocks 172.16.0.0/12 overlaps Vpc us-east (172.16.0.0/16), which Cen global "
      "joins to Vpc spare; choose a prefix "
      "that nothing else uses",
      "Vpc spare: cidr_blocks 172.16.0.0/12 overlaps Vpc shanghai (172.17.0.0/16), which Cen "
      "global joins to Vpc spare; choose a prefix "
      "that nothing else uses"}},
};

std::string row_name(const ::testing::TestParamInfo<Refusal>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Names, ValidateRefuses, ::testing::ValuesIn(kNames), row_name);
INSTANTIATE_TEST_SUITE_P(Nodes, ValidateRefuses, ::testing::ValuesIn(kNodes), row_name);
INSTANTIATE_TEST_SUITE_P(Networks, ValidateRefuses, ::testing::ValuesIn(kNetworks), row_name);
INSTANTIATE_TEST_SUITE_P(Instances, ValidateRefuses, ::testing::ValuesIn(kInstances), row_name);
INSTANTIATE_TEST_SUITE_P(Groups, ValidateRefuses, ::testing::ValuesIn(kGroups), row_name);
INSTANTIATE_TEST_SUITE_P(Gateways, ValidateRefuses, ::testing::ValuesIn(kGateways), row_name);
INSTANTIATE_TEST_SUITE_P(Connections, ValidateRefuses, ::testing::ValuesIn(kConnections), row_name);
INSTANTIATE_TEST_SUITE_P(Routes, ValidateRefuses, ::testing::ValuesIn(kRoutes), row_name);
INSTANTIATE_TEST_SUITE_P(Cens, ValidateRefuses, ::testing::ValuesIn(kCens), row_name);
INSTANTIATE_TEST_SUITE_P(Overlaps, ValidateRefuses, ::testing::ValuesIn(kOverlaps), row_name);

// Three bytes each, and people count them as one.
TEST(Validate, ADescriptionIsAsLongAsPeopleSeeIt) {
  GlobalOffices network(1);
  std::string text;
  for (int i = 0; i < 256; ++i) text += "字";
  network.add("eu", Region{}).meta.description = text;
  EXPECT_TRUE(validate(network.model).empty());
}

TEST(Validate, NetworksThatCannotTalkMayOverlap) {
  GlobalOffices network(2);  // no Cen yet
  network.office("office-9", "us-east", "198.51.100.19", "10.20.10.0/24");
  network.vpc("spare", "us-east", "172.16.0.0/16");
  EXPECT_EQ(texts(network.model), std::vector<std::string>{});
}

TEST(Validate, MoreSpecificRoutesIntoOneOfficeAreFine) {
  GlobalOffices network(5);
  auto& office = network.office("office-9", "us-east", "198.51.100.19", "10.99.0.0/24");
  office.remote_subnets = {cidr("0.0.0.0/0")};  // destination routing mode
  network.route("wide", "us-east", "10.99.0.0/16", "office-9");
  network.route("narrow", "us-east", "10.99.1.0/24", "office-9");
  EXPECT_EQ(texts(network.model), std::vector<std::string>{});
  network.route("foreign", "us-east", "10.10.10.0/25", "office-9");
  EXPECT_EQ(texts(network.model),
            (std::vector<std::string>{
                "VpnRoute foreign: destination 10.10.10.0/25 overlaps IpsecConnection office-1 "
                "(10.10.10.0/24) in Vpc us-east; choose a prefix that nothing else uses"}));
}

TEST(Validate, TellsEveryFaultInTheOrderOfKindsAndNames) {
  GlobalOffices network(5);
  network.model.all<Region>().clear();
  ike1(network).psk.clear();
  std::vector<std::string> resources;
  for (const Error& error : validate(network.model)) resources.push_back(error.resource);
  EXPECT_EQ(resources,
            (std::vector<std::string>{"Node shanghai-node", "Node us-east-node", "Vpc shanghai",
                                      "Vpc us-east", "IpsecConnection office-1"}));
}

TEST(Validate, BlamesTheNewcomerWhateverItsName) {
  GlobalOffices network(5);
  network.node("a-node", "us-east", "203.0.113.1");
  network.add("a-gateway", VpnGateway{{}, "us-east", "us-east-node"});
  network.instance("a-host", "us-east-apps", "172.16.1.10", "app-us-east", "us-east-node");
  network.add("a-office", CustomerGateway{{}, ip("198.51.100.11")});
  network.add("a-route", *network.model.find<VpnRoute>("office-1"));
  network.add("a-attachment", CenAttachment{{}, "global", "us-east"});
  network.publish("a-publication", "global", "us-east", "10.10.10.0/24");
  std::vector<std::string> resources;
  for (const Error& error : validate(network.model)) resources.push_back(error.resource);
  EXPECT_EQ(resources,
            (std::vector<std::string>{"Node a-node", "Instance a-host", "VpnGateway a-gateway",
                                      "CustomerGateway a-office", "VpnRoute a-route",
                                      "CenAttachment a-attachment", "CenRoute a-publication"}));
}

TEST(Validate, SaysWhoKeepsAResourceFromBeingRemoved) {
  GlobalOffices network(5);
  const Model before = network.model;
  network.model.all<CustomerGateway>().erase("office-1");
  const Errors errors = validate(network.model, before);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].code, ErrorCode::kConflict);
  EXPECT_EQ(errors[0].text(),
            "CustomerGateway office-1: is in use: customer_gateway of IpsecConnection office-1 "
            "names it; delete IpsecConnection office-1 before or together with it, or let it name "
            "another");
}

TEST(Validate, BlamesWhoWithdrawsWhatACenRoutePublishes) {
  GlobalOffices network(5);
  const Model before = network.model;
  const auto told = [&](const Model& changed) {
    std::vector<std::string> texts;
    for (const Error& error : validate(changed, before)) {
      EXPECT_EQ(error.code, ErrorCode::kConflict);
      texts.push_back(error.text());
    }
    return texts;
  };
  const CenRoute& published = before.all<CenRoute>().begin()->second;
  const std::string cen_route = "CenRoute " + published.meta.name;
  const std::string use =
      cen_route + " publishes " + published.destination.text() + " to Cen " + published.cen;
  std::string name;
  for (const auto& [each, route] : before.all<VpnRoute>())
    if (route.destination == published.destination) name = each;

  Model changed = before;
  changed.all<VpnRoute>().erase(name);
  EXPECT_EQ(told(changed),
            std::vector<std::string>{"VpnRoute " + name + ": is in use: " + use + "; delete " +
                                     cen_route + " before or together with it"});
  changed.all<CenRoute>().erase(published.meta.name);
  EXPECT_EQ(told(changed), std::vector<std::string>{}) << "together with it";

  const auto refused = [&](const std::string& field) {
    return std::vector<std::string>{"VpnRoute " + name + ": " + field +
                                    " cannot change like this while " + use + "; delete " +
                                    cen_route + " first, or leave this as it was"};
  };
  changed = before;
  changed.all<VpnRoute>().at(name).is_published = false;
  EXPECT_EQ(told(changed), refused("published"));
  changed = before;
  changed.all<VpnRoute>().at(name).destination =
      *net::Prefix::parse(published.destination.address().text() + "/25");
  EXPECT_EQ(told(changed), refused("destination"));
  changed = before;
  changed.all<VpnRoute>().at(name).source = *net::Prefix::parse("172.16.1.0/24");
  EXPECT_EQ(told(changed), refused("source"));
}

TEST(Validate, BlamesWhoDetachesAVpcThatStillPublishes) {
  GlobalOffices network(5);
  const Model before = network.model;
  const CenRoute& published = before.all<CenRoute>().begin()->second;
  std::string name;
  for (const auto& [each, attachment] : before.all<CenAttachment>())
    if (attachment.vpc == published.vpc) name = each;
  network.model.all<CenAttachment>().erase(name);
  const Errors errors = validate(network.model, before);
  ASSERT_FALSE(errors.empty());
  for (const Error& error : errors) {
    EXPECT_EQ(error.resource, "CenAttachment " + name);
    EXPECT_EQ(error.code, ErrorCode::kConflict);
  }
  EXPECT_NE(errors[0].remedy.find("delete CenRoute "), std::string::npos);
}

// What changed is blamed, not who stood there and did nothing.
struct Blame {
  const char* name;
  std::function<void(GlobalOffices&)> change;
  const char* text;
};
class ValidateBlames : public ::testing::TestWithParam<Blame> {};

TEST_P(ValidateBlames, WhatChanged) {
  GlobalOffices network(5);
  network.vpc("spare", "us-east", "172.30.0.0/16");
  ASSERT_TRUE(validate(network.model).empty());
  const Model before = network.model;
  GetParam().change(network);
  const Errors errors = validate(network.model, before);
  ASSERT_FALSE(errors.empty());
  EXPECT_EQ(errors[0].text(), GetParam().text);
}

const std::vector<Blame> kBlames = {
    {"NodeThatTakesTheAddressOfAnOffice",
     [](auto& n) { at<Node>(n, "us-east-node").public_address = ip("198.51.100.11"); },
     "Node us-east-node: public_address 198.51.100.11 is also that of CustomerGateway office-1; "
     "give the node an address of its own"},
    {"VpcThatShrinks",
     [](auto& n) { at<Vpc>(n, "us-east").cidr_blocks = {cidr("172.16.128.0/17")}; },
     "Vpc us-east: cidr_blocks would leave VSwitch us-east-apps (172.16.1.0/24) outside; keep a "
     "block around it, or delete it together with this change"},
    {"VSwitchThatMoves",
     [](auto& n) { at<VSwitch>(n, "us-east-apps").cidr = cidr("172.16.9.0/24"); },
     "VSwitch us-east-apps: cidr would leave Instance app-us-east (172.16.1.10) outside; give it "
     "an "
     "address inside, or delete it, together with this change"},
    {"SecurityGroupThatMoves", [](auto& n) { at<SecurityGroup>(n, "app-us-east").vpc = "spare"; },
     "SecurityGroup app-us-east: vpc cannot change: Instance app-us-east of Vpc us-east is a "
     "member; take the instance out of the group before or together with this change"},
    {"ConnectionThatShrinks",
     [](auto& n) { at<IpsecConnection>(n, "office-1").remote_subnets = {cidr("10.77.0.0/24")}; },
     "IpsecConnection office-1: remote_subnets would leave out 10.10.10.0/24 of VpnRoute office-1; "
     "keep a prefix around it, or delete that route together with this change"},
    {"OlderOfficeThatTakesTheAddressOfANewerOne",
     [](auto& n) { at<CustomerGateway>(n, "office-1").address = ip("198.51.100.12"); },
     "CustomerGateway office-1: address 198.51.100.12 is also that of CustomerGateway office-2; "
     "use "
     "that resource, or correct the address"},
    {"OlderVpcThatGrowsOverANewerOffice",
     [](auto& n) {
       at<Vpc>(n, "us-east").cidr_blocks = {cidr("172.16.0.0/16"), cidr("10.20.0.0/16")};
     },
     "Vpc us-east: cidr_blocks 10.20.0.0/16 overlaps IpsecConnection office-3 (10.20.10.0/24) in "
     "Vpc shanghai, which Cen global joins to Vpc us-east; choose a prefix that nothing else uses"},
};
INSTANTIATE_TEST_SUITE_P(Blames, ValidateBlames, ::testing::ValuesIn(kBlames),
                         [](const auto& row) { return std::string(row.param.name); });

// ---- two ways to one network: admitted where it is said which of them counts

TEST(Validate, PolicyRoutesMayLeadToDifferentConnections) {
  GlobalOffices network(5);
  for (const char* name : {"p1", "p2"}) {
    auto& office = network.office(name, "us-east",
                                  name == std::string("p1") ? "198.51.100.31" : "198.51.100.32",
                                  "10.99.0.0/24");
    office.remote_subnets = {cidr("0.0.0.0/0")};
  }
  network.route("pr1", "us-east", "10.50.0.0/16", "p1").source = cidr("172.16.1.0/25");
  network.route("pr2", "us-east", "10.50.0.0/16", "p2").source = cidr("172.16.1.128/25");
  network.route("plain", "us-east", "10.50.0.0/16", "p1");
  network.route("exception", "us-east", "10.50.7.0/24", "p2");
  EXPECT_EQ(texts(network.model), std::vector<std::string>{});
  network.route("again", "us-east", "10.50.0.0/16", "p2");  // nothing says which of the two
  EXPECT_EQ(texts(network.model),
            std::vector<std::string>{"VpnRoute again: destination 10.50.0.0/16 is already routed "
                                     "by VpnRoute plain; change that route instead"});
}

TEST(Validate, OneOfficeMayBeReachedThroughTwoRegionsThatOneOfThemPublishes) {
  GlobalOffices network(5);
  auto second = *network.model.find<IpsecConnection>("office-1");
  second.vpn_gateway = network.model.find<IpsecConnection>("office-3")->vpn_gateway;
  network.add("office-1-second", second);
  network.route("office-1-second", second.vpn_gateway, "10.10.10.0/24", "office-1-second");
  EXPECT_EQ(texts(network.model), std::vector<std::string>{});
  network.publish("office-1-second", "global", "shanghai", "10.10.10.0/24");
  EXPECT_EQ(texts(network.model),
            std::vector<std::string>{"CenRoute office-1-second: destination 10.10.10.0/24 is "
                                     "already published by CenRoute office-1 of Vpc us-east; "
                                     "delete one of the two"});
}

TEST(Validate, NeverShowsAKey) {
  GlobalOffices network(5);
  ike1(network).psk = "hunter2 hunter2";
  for (const std::string& text : texts(network.model))
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
}

}  // namespace
}  // namespace farspan::model
