// SPDX-License-Identifier: Apache-2.0
// Protobuf → model: words become values, nothing becomes its default, and each fault is told with
// its remedy.
#include <charconv>

#include "farspan/api/codec/proto_resource.h"
#include "farspan/api/codec/words.h"
#include "farspan/v1/resources.pb.h"

namespace farspan::api::codec {
namespace {

// What of a wrong value is repeated to the person who wrote it.
std::string shown(const std::string& text) {
  constexpr size_t kMost = 64;
  return text.size() <= kMost ? text : text.substr(0, kMost) + "…";
}

// Reads the fields of one resource and reports those that cannot be read.
class FieldReader {
 public:
  FieldReader(std::string resource, Errors& errors)
      : resource_(std::move(resource)), errors_(errors) {}

  void fault(const std::string& field, std::string what, std::string remedy) {
    errors_.push_back({ErrorCode::kInvalid, resource_, field, std::move(what), std::move(remedy)});
  }

  std::string name_of(const char* kind, const std::string& field, const std::string& text) {
    if (text.empty()) fault(field, "is missing", std::string("name a ") + kind);
    return text;
  }

  net::Address address(const std::string& field, const std::string& text) {
    if (text.empty()) {
      fault(field, "is missing", "give an address such as 172.16.1.10");
      return {};
    }
    const auto address = net::Address::parse(text);
    if (!address) fault(field, shown(text) + " is not an IP address", "write it like 172.16.1.10");
    return address.value_or(net::Address{});
  }

  net::Prefix prefix(const std::string& field, const std::string& text) {
    if (text.empty()) {
      fault(field, "is missing", "give a prefix such as 172.16.1.0/24");
      return {};
    }
    if (const auto prefix = net::Prefix::parse(text)) return *prefix;
    if (const auto meant = without_host_bits(text)) {
      const bool has_host_bits = !text.starts_with(meant->address().text() + "/");
      fault(field, text + (has_host_bits ? " has host bits set" : " is not written plainly"),
            "write " + meant->text());
    } else if (const auto address = net::Address::parse(text)) {
      fault(field, text + " has no length",
            "write " + net::Prefix::host(*address).text() + " for one address");
    } else {
      fault(field, shown(text) + " is not a prefix", "write it like 172.16.1.0/24");
    }
    return {};
  }

  template <class List>
  std::vector<net::Prefix> prefixes(const std::string& field, const List& texts) {
    std::vector<net::Prefix> prefixes;
    if (texts.empty())
      fault(field, "is missing", "give a list of prefixes such as [172.16.0.0/16]");
    for (const std::string& text : texts) {
      prefixes.push_back(prefix(field + "[" + std::to_string(prefixes.size()) + "]", text));
    }
    return prefixes;
  }

  template <class Enum, size_t kCount>
  Enum word(const std::string& field, const std::string& text,
            const std::array<Word<Enum>, kCount>& words) {
    if (const auto value = value_of(words, text)) return *value;
    std::string allowed;
    for (const auto& [value, known] : words)
      allowed += (allowed.empty() ? "" : ", ") + std::string(known);
    fault(field, shown(text) + " is not a value of it", "use one of " + allowed);
    return words.front().value;
  }

 private:
  // "172.16.1.5/24" → 172.16.1.0/24
  static std::optional<net::Prefix> without_host_bits(const std::string& text) {
    const size_t slash = text.find('/');
    if (slash == std::string::npos) return std::nullopt;
    const auto address = net::Address::parse(std::string_view(text).substr(0, slash));
    int length = -1;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + slash + 1, end, length);
    if (!address || error != std::errc{} || at != end || length < 0 || length > address->bits())
      return std::nullopt;
    return net::Prefix::covering(*address, length);
  }

  std::string resource_;
  Errors& errors_;
};

model::Region read(const v1::RegionSpec&, FieldReader&) { return {}; }

model::Node read(const v1::NodeSpec& spec, FieldReader& fields) {
  model::Node node;
  node.region = fields.name_of("Region", "region", spec.region());
  node.public_address = fields.address("public_address", spec.public_address());
  return node;
}

model::Vpc read(const v1::VpcSpec& spec, FieldReader& fields) {
  model::Vpc vpc;
  vpc.region = fields.name_of("Region", "region", spec.region());
  vpc.cidr_blocks = fields.prefixes("cidr_blocks", spec.cidr_blocks());
  return vpc;
}

model::VSwitch read(const v1::VSwitchSpec& spec, FieldReader& fields) {
  model::VSwitch vswitch;
  vswitch.vpc = fields.name_of("Vpc", "vpc", spec.vpc());
  vswitch.cidr = fields.prefix("cidr", spec.cidr());
  return vswitch;
}

model::PortRange read_ports(const std::string& text, const std::string& field,
                            FieldReader& fields) {
  if (text.empty()) return {};
  const auto number = [](std::string_view digits) -> std::optional<uint16_t> {
    uint16_t value = 0;
    const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || at != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  const size_t dash = text.find('-');
  const std::string_view whole = text;
  const auto low = number(whole.substr(0, dash));
  const auto high = dash == std::string::npos ? low : number(whole.substr(dash + 1));
  if (low && high) return {*low, *high};
  fields.fault(field, shown(text) + " is not a port or a range of ports",
               "write it like 80 or 8000-8080");
  return {};
}

model::SecurityRule read_rule(const v1::SecurityRule& spec, const std::string& at,
                              FieldReader& fields) {
  model::SecurityRule rule;
  rule.direction = fields.word(at + ".direction", spec.direction(), kDirections);
  rule.protocol = fields.word(at + ".protocol", spec.protocol(), kProtocols);
  rule.ports = read_ports(spec.ports(), at + ".ports", fields);
  rule.action = fields.word(at + ".action", spec.action(), kActions);
  rule.priority =
      spec.priority() == 0 ? 1 : static_cast<int>(std::min<uint32_t>(spec.priority(), INT32_MAX));
  rule.description = spec.description();
  if (spec.peer_cidr().empty() == spec.peer_group().empty()) {
    fields.fault(at, spec.peer_cidr().empty() ? "has no peer" : "has two peers",
                 "give exactly one of peer_cidr (0.0.0.0/0: anybody) and peer_group");
  } else if (spec.peer_group().empty()) {
    rule.peer = fields.prefix(at + ".peer_cidr", spec.peer_cidr());
  } else {
    rule.peer = spec.peer_group();
  }
  return rule;
}

model::SecurityGroup read(const v1::SecurityGroupSpec& spec, FieldReader& fields) {
  model::SecurityGroup group;
  group.vpc = fields.name_of("Vpc", "vpc", spec.vpc());
  group.is_inner_open = fields.word("inner_access", spec.inner_access(), kInnerAccess);
  for (const v1::SecurityRule& rule : spec.rules()) {
    group.rules.push_back(
        read_rule(rule, "rules[" + std::to_string(group.rules.size()) + "]", fields));
  }
  return group;
}

model::Instance read(const v1::InstanceSpec& spec, FieldReader& fields) {
  model::Instance instance;
  instance.vswitch = fields.name_of("VSwitch", "vswitch", spec.vswitch());
  instance.address = fields.address("address", spec.address());
  instance.security_groups.assign(spec.security_groups().begin(), spec.security_groups().end());
  if (instance.security_groups.empty())
    fields.fault("security_groups", "is missing", "name 1 to 5 SecurityGroups");
  instance.node = fields.name_of("Node", "node", spec.node());
  instance.netns = spec.netns();
  return instance;
}

model::VpnGateway read(const v1::VpnGatewaySpec& spec, FieldReader& fields) {
  model::VpnGateway gateway;
  gateway.vpc = fields.name_of("Vpc", "vpc", spec.vpc());
  gateway.node = fields.name_of("Node", "node", spec.node());
  return gateway;
}

model::CustomerGateway read(const v1::CustomerGatewaySpec& spec, FieldReader& fields) {
  model::CustomerGateway office;
  office.address = fields.address("address", spec.address());
  return office;
}

model::IkeConfig read_ike(const v1::IkeConfig& spec, FieldReader& fields) {
  model::IkeConfig ike;
  ike.version = fields.word("ike.version", spec.version(), kIkeVersions);
  ike.mode = fields.word("ike.mode", spec.mode(), kIkeModes);
  ike.encryption = fields.word("ike.encryption", spec.encryption(), kIkeEncryptions);
  ike.integrity = fields.word("ike.integrity", spec.integrity(), kIkeIntegrities);
  ike.dh_group = fields.word("ike.dh_group", spec.dh_group(), kDhGroups);
  if (spec.lifetime_seconds() != 0) ike.lifetime_seconds = spec.lifetime_seconds();
  ike.local_id = spec.local_id();
  ike.remote_id = spec.remote_id();
  ike.psk = spec.psk();
  return ike;
}

model::IpsecConnection read(const v1::IpsecConnectionSpec& spec, FieldReader& fields) {
  model::IpsecConnection connection;
  connection.vpn_gateway = fields.name_of("VpnGateway", "vpn_gateway", spec.vpn_gateway());
  connection.customer_gateway =
      fields.name_of("CustomerGateway", "customer_gateway", spec.customer_gateway());
  connection.local_subnets = fields.prefixes("local_subnets", spec.local_subnets());
  connection.remote_subnets = fields.prefixes("remote_subnets", spec.remote_subnets());
  if (spec.has_effect_immediately()) connection.is_effect_immediately = spec.effect_immediately();
  if (spec.has_dpd()) connection.has_dpd = spec.dpd();
  connection.ike = read_ike(spec.ike(), fields);
  const v1::IpsecConfig& ipsec = spec.ipsec();
  connection.ipsec.encryption =
      fields.word("ipsec.encryption", ipsec.encryption(), kIpsecEncryptions);
  connection.ipsec.integrity = fields.word("ipsec.integrity", ipsec.integrity(), kIpsecIntegrities);
  connection.ipsec.pfs_group = fields.word("ipsec.pfs_group", ipsec.pfs_group(), kPfsGroups);
  if (ipsec.lifetime_seconds() != 0) connection.ipsec.lifetime_seconds = ipsec.lifetime_seconds();
  return connection;
}

model::VpnRoute read(const v1::VpnRouteSpec& spec, FieldReader& fields) {
  model::VpnRoute route;
  route.vpn_gateway = fields.name_of("VpnGateway", "vpn_gateway", spec.vpn_gateway());
  route.destination = fields.prefix("destination", spec.destination());
  if (!spec.source().empty()) route.source = fields.prefix("source", spec.source());
  route.ipsec_connection =
      fields.name_of("IpsecConnection", "ipsec_connection", spec.ipsec_connection());
  route.is_published = spec.published();
  return route;
}

model::Cen read(const v1::CenSpec&, FieldReader&) { return {}; }

model::CenAttachment read(const v1::CenAttachmentSpec& spec, FieldReader& fields) {
  model::CenAttachment attachment;
  attachment.cen = fields.name_of("Cen", "cen", spec.cen());
  attachment.vpc = fields.name_of("Vpc", "vpc", spec.vpc());
  return attachment;
}

model::CenRoute read(const v1::CenRouteSpec& spec, FieldReader& fields) {
  model::CenRoute route;
  route.cen = fields.name_of("Cen", "cen", spec.cen());
  route.vpc = fields.name_of("Vpc", "vpc", spec.vpc());
  route.destination = fields.prefix("destination", spec.destination());
  return route;
}

std::optional<AnyResource> read_spec(const v1::Resource& message, FieldReader& fields) {
  switch (message.spec_case()) {
    case v1::Resource::kRegion:
      return read(message.region(), fields);
    case v1::Resource::kNode:
      return read(message.node(), fields);
    case v1::Resource::kVpc:
      return read(message.vpc(), fields);
    case v1::Resource::kVswitch:
      return read(message.vswitch(), fields);
    case v1::Resource::kSecurityGroup:
      return read(message.security_group(), fields);
    case v1::Resource::kInstance:
      return read(message.instance(), fields);
    case v1::Resource::kVpnGateway:
      return read(message.vpn_gateway(), fields);
    case v1::Resource::kCustomerGateway:
      return read(message.customer_gateway(), fields);
    case v1::Resource::kIpsecConnection:
      return read(message.ipsec_connection(), fields);
    case v1::Resource::kVpnRoute:
      return read(message.vpn_route(), fields);
    case v1::Resource::kCen:
      return read(message.cen(), fields);
    case v1::Resource::kCenAttachment:
      return read(message.cen_attachment(), fields);
    case v1::Resource::kCenRoute:
      return read(message.cen_route(), fields);
    case v1::Resource::SPEC_NOT_SET:
      break;
  }
  fields.fault("spec", "is missing", "write the fields of the resource under spec");
  return std::nullopt;
}

}  // namespace

std::optional<AnyResource> from_proto(const v1::Resource& message, Errors& errors) {
  const size_t before = errors.size();
  FieldReader fields(message.kind() + " " + shown(message.name()), errors);
  std::optional<AnyResource> resource = read_spec(message, fields);
  if (resource && kind_of(*resource) != message.kind()) {
    fields.fault("kind",
                 "does not fit the spec, which is that of " + std::string(kind_of(*resource)),
                 "make them agree");
  }
  if (errors.size() != before) return std::nullopt;
  model::Meta& meta = meta_of(*resource);
  meta.name = message.name();
  meta.description = message.description();
  meta.number = message.number();
  if (auto* node = std::get_if<model::Node>(&*resource)) {
    node->identity_revision = message.identity_revision();
    node->identity_random = message.identity_random();
  }
  return resource;
}

}  // namespace farspan::api::codec
