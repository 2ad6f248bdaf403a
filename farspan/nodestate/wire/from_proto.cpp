// SPDX-License-Identifier: Apache-2.0
// Every reading goes through a RowReader, which knows whose fields it reads and keeps the first
// refusal, so a row is read top to bottom and judged once at its end.
#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "farspan/nodestate/wire/wire.h"
#include "farspan/v1/node_state.pb.h"

namespace farspan::nodestate::wire {
namespace {

constexpr uint32_t kMaxLabel = (1u << 20) - 1;  // RFC 3032 §2.1: 20 bits, 0-15 reserved
constexpr uint32_t kMinLabel = 16;
constexpr uint32_t kMostInWindow = 4096, kMostMtu = 65535;
constexpr size_t kShownLength = 40;  // of a wrong value in a refusal
constexpr const char* kRemedy =
    "this is a defect of the sender; make both programs the same version";

// At most 40 printable characters of what a peer sent.
std::string shown(std::string_view value) {
  std::string text = "'";
  for (const char c : value.substr(0, kShownLength)) text += c >= ' ' && c <= '~' ? c : '?';
  return text + (value.size() > kShownLength ? "…'" : "'");
}

class RowReader {
 public:
  explicit RowReader(std::string resource) : resource_(std::move(resource)) {}

  void refuse(std::string field, std::string what) {
    if (!error_)
      error_ = Error{ErrorCode::kInvalid, resource_, std::move(field), std::move(what), kRemedy};
  }

  uint32_t number(const char* field, uint32_t value, uint32_t low, uint32_t high) {
    if (value >= low && value <= high) return value;
    refuse(field, std::to_string(value) + " is not within " + std::to_string(low) + "-" +
                      std::to_string(high));
    return low;
  }
  template <class Id>
  Id id(const char* field, uint32_t value) {
    if (value == 0) refuse(field, "is 0");
    return Id(value);
  }
  Label label(const char* field, uint32_t value) {
    return Label(number(field, value, kMinLabel, kMaxLabel));
  }

  net::Address address(const char* field, const std::string& value) {
    if (const auto parsed = net::Address::parse(value)) return *parsed;
    refuse(field, shown(value) + " is not an address");
    return {};
  }
  net::Prefix prefix(const char* field, const std::string& value) {
    if (const auto parsed = net::Prefix::parse(value)) return *parsed;
    refuse(field, shown(value) + " is not a prefix");
    return {};
  }
  net::MacAddress mac(const char* field, const std::string& value) {
    net::MacAddress mac;
    if (value.size() == mac.bytes.size() && (value[0] & 1) == 0) {  // a station, no multicast
      std::copy(value.begin(), value.end(), mac.bytes.begin());
    } else {
      refuse(field, "is no MAC address of a station");
    }
    return mac;
  }
  // Text that ends up in configuration, logs or terminals: no control characters, of bounded
  // length.
  std::string name(const char* field, const std::string& value, bool may_be_empty = false) {
    const bool is_printable = std::all_of(value.begin(), value.end(),
                                          [](unsigned char c) { return c >= ' ' && c != 0x7f; });
    if (value.empty() && !may_be_empty) refuse(field, "is empty");
    if (value.size() > kMaxName)
      refuse(field, "has " + std::to_string(value.size()) + " bytes, at most 255 are allowed");
    if (!is_printable) refuse(field, shown(value) + " holds control characters");
    return value;
  }
  template <class List>
  bool fits(const char* field, const List& list, size_t limit) {
    if (static_cast<size_t>(list.size()) <= limit) return true;
    refuse(field, "has " + std::to_string(list.size()) + " entries, at most " +
                      std::to_string(limit) + " are allowed");
    return false;
  }

  template <class Value>
  Result<Value> judged(Value value) {
    if (error_) return *error_;
    return value;
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  std::string resource_;
  std::optional<Error> error_;
};

// A netns is a file name under /run/netns: nothing that leaves that directory.
std::string netns_of(RowReader& row, const std::string& value) {
  if (value == "." || value == ".." || value.find('/') != std::string::npos) {
    row.refuse("netns", shown(value) + " is not a file name");
  }
  return row.name("netns", value, true);
}

std::vector<Rule> rules_of(RowReader& row, const char* field,
                           const google::protobuf::RepeatedPtrField<v1::Rule>& messages) {
  std::vector<Rule> rules;
  if (!row.fits(field, messages, kMaxRulesOfGroup)) return rules;
  rules.reserve(static_cast<size_t>(messages.size()));
  for (const v1::Rule& message : messages) {
    Rule& rule = rules.emplace_back();
    rule.protocol = static_cast<uint8_t>(row.number("protocol", message.protocol(), 0, 255));
    rule.port_low = static_cast<uint16_t>(row.number("port_low", message.port_low(), 0, 65535));
    rule.port_high =
        static_cast<uint16_t>(row.number("port_high", message.port_high(), rule.port_low, 65535));
    rule.peer = row.prefix("peer", message.peer());
    rule.action = message.is_drop() ? RuleAction::kDrop : RuleAction::kAccept;
    rule.priority = static_cast<uint16_t>(row.number("priority", message.priority(), 0, 65535));
  }
  return rules;
}

std::vector<net::Prefix> prefixes_of(RowReader& row, const char* field,
                                     const google::protobuf::RepeatedPtrField<std::string>& texts,
                                     size_t limit) {
  std::vector<net::Prefix> prefixes;
  if (!row.fits(field, texts, limit)) return prefixes;
  for (const auto& text : texts) prefixes.push_back(row.prefix(field, text));
  return prefixes;
}

std::set<Label> labels_of(RowReader& row,
                          const google::protobuf::RepeatedField<uint32_t>& numbers) {
  std::set<Label> labels;
  for (const uint32_t number : numbers) labels.insert(row.label("labels", number));
  return labels;
}

Ike ike_of(RowReader& row, const v1::Ike& message) {
  Ike ike;
  ike.version = static_cast<uint8_t>(row.number("ike.version", message.version(), 1, 2));
  ike.is_aggressive = message.is_aggressive();
  ike.local = row.address("ike.local", message.local());
  ike.remote = row.address("ike.remote", message.remote());
  ike.local_id = row.name("ike.local_id", message.local_id());
  ike.remote_id = row.name("ike.remote_id", message.remote_id());
  ike.ike_proposal = row.name("ike.ike_proposal", message.ike_proposal());
  ike.esp_proposal = row.name("ike.esp_proposal", message.esp_proposal());
  ike.ike_lifetime_seconds = message.ike_lifetime_seconds();
  ike.esp_lifetime_seconds = message.esp_lifetime_seconds();
  ike.local_subnets = prefixes_of(row, "ike.local_subnets", message.local_subnets(), kMaxSubnets);
  ike.remote_subnets =
      prefixes_of(row, "ike.remote_subnets", message.remote_subnets(), kMaxSubnets);
  // A controller that is older says nothing.
  if (message.replay_window_packets() != 0)
    ike.replay_window_packets =
        row.number("ike.replay_window_packets", message.replay_window_packets(), 1, kMostInWindow);
  ike.has_dpd = message.has_dpd();
  ike.is_start_now = message.is_start_now();
  return ike;
}

std::string resource_of(const char* kind, const std::string& name, uint32_t id) {
  return std::string(kind) + " " + (name.empty() ? std::to_string(id) : shown(name));
}

RouteKey key_of(RowReader& row, const v1::RouteKey& message) {
  RouteKey key;
  key.vrf = row.id<VrfId>("vrf", message.vrf());
  switch (message.table()) {
    case v1::TABLE_KIND_VPC:
      key.table = TableKind::kVpc;
      break;
    case v1::TABLE_KIND_GATEWAY:
      key.table = TableKind::kGateway;
      break;
    default:
      row.refuse("table", std::to_string(message.table()) + " is no kind of table");
  }
  key.destination = row.prefix("destination", message.destination());
  if (!message.source().empty()) {
    key.source = row.prefix("source", message.source());
    if (key.source->family() != key.destination.family())
      row.refuse("source", "is of another family than destination");
  }
  return key;
}

std::string resource_of(const v1::RouteKey& key) { return "Route " + shown(key.destination()); }

NextHop next_hop_of(RowReader& row, const v1::NextHop& message) {
  switch (message.to_case()) {
    case v1::NextHop::kPort:
      return ToPort{row.id<PortId>("next_hop.port", message.port())};
    case v1::NextHop::kRouter:
      return ToRouter{};
    case v1::NextHop::kUnreachable:
      return Unreachable{};
    case v1::NextHop::kTunnel: {
      ToTunnel hop{row.id<TunnelId>("next_hop.tunnel.tunnel", message.tunnel().tunnel()),
                   std::nullopt};
      if (message.tunnel().has_label())
        hop.label = row.label("next_hop.tunnel.label", message.tunnel().label());
      return hop;
    }
    case v1::NextHop::TO_NOT_SET:
      break;
  }
  row.refuse("next_hop", "is not set");
  return Unreachable{};
}

// Reads every upserted and removed row of one table; the first refusal ends it.
template <class Key, class Row, class Messages, class Removed, class ReadKey>
std::optional<Error> read_table(const char* table, const Messages& messages, const Removed& removed,
                                ReadKey read_key, TableDelta<Key, Row>& delta) {
  for (const auto& message : messages) {
    auto read = from_proto(message);
    if (!read) return read.error();
    if (!delta.upserts.emplace(read->key, std::move(read->row)).second) {
      return Error{ErrorCode::kInvalid, "Delta", table, "names one row twice", kRemedy};
    }
  }
  for (const auto& one : removed) {
    Result<Key> key = read_key(one);
    if (!key) return key.error();
    if (delta.upserts.contains(*key) || !delta.removals.insert(*key).second) {
      return Error{ErrorCode::kInvalid, "Delta", std::string("removed_") + table,
                   "names one row twice", kRemedy};
    }
  }
  return std::nullopt;
}

template <class Key>
Result<Key> removed_id(uint32_t value) {
  if (value == 0)
    return Error{ErrorCode::kInvalid, "Delta", "removed rows", "one has the id 0", kRemedy};
  return Key(value);
}

}  // namespace

Result<Keyed<VrfId, Vrf>> from_proto(const v1::Vrf& message) {
  RowReader row(resource_of("Vrf", message.vpc(), message.id()));
  Keyed<VrfId, Vrf> read{row.id<VrfId>("id", message.id()), {}};
  read.row.vpc = row.name("vpc", message.vpc());
  read.row.router = row.address("router", message.router());
  read.row.label = row.label("label", message.label());
  read.row.flow_domain = message.flow_domain();
  return row.judged(std::move(read));
}

Result<Keyed<PortId, Port>> from_proto(const v1::Port& message) {
  RowReader row(resource_of("Instance", message.instance(), message.id()));
  Keyed<PortId, Port> read{row.id<PortId>("id", message.id()), {}};
  read.row.instance = row.name("instance", message.instance());
  read.row.vrf = row.id<VrfId>("vrf", message.vrf());
  read.row.netns = netns_of(row, message.netns());
  read.row.address = row.address("address", message.address());
  read.row.subnet = row.prefix("subnet", message.subnet());
  read.row.gateway = row.address("gateway", message.gateway());
  read.row.mac = row.mac("mac", message.mac());
  if (row.fits("security_groups", message.security_groups(), kMaxGroupsOfPort)) {
    for (const uint32_t group : message.security_groups()) {
      read.row.security_groups.push_back(row.id<SecurityGroupId>("security_groups", group));
    }
  }
  return row.judged(std::move(read));
}

Result<Keyed<SecurityGroupId, SecurityGroup>> from_proto(const v1::SecurityGroup& message) {
  RowReader row(resource_of("SecurityGroup", message.name(), message.id()));
  Keyed<SecurityGroupId, SecurityGroup> read{row.id<SecurityGroupId>("id", message.id()), {}};
  read.row.name = row.name("name", message.name());
  read.row.ingress = rules_of(row, "ingress", message.ingress());
  read.row.egress = rules_of(row, "egress", message.egress());
  return row.judged(std::move(read));
}

Result<Keyed<TunnelId, Tunnel>> from_proto(const v1::Tunnel& message) {
  RowReader row(resource_of("Tunnel", message.office().connection(), message.id()));
  Keyed<TunnelId, Tunnel> read{row.id<TunnelId>("id", message.id()), {}};
  read.row.ike = ike_of(row, message.ike());
  read.row.mtu = row.number("mtu", message.mtu(), 0, kMostMtu);
  const bool has_link_id = (message.id() & kLinkBit) != 0;
  switch (message.use_case()) {
    case v1::Tunnel::kOffice:
      if (has_link_id) row.refuse("id", std::to_string(message.id()) + " is a link's");
      if (message.office().psk().size() > kMaxPsk) row.refuse("psk", "is longer than 128 bytes");
      read.row.use =
          OfficeTunnel{row.name("connection", message.office().connection()),
                       row.id<VrfId>("vrf", message.office().vrf()), message.office().psk(),
                       prefixes_of(row, "feasible_sources", message.office().feasible_sources(),
                                   kMaxFeasibleSources)};
      break;
    case v1::Tunnel::kLink:
      if (!has_link_id) row.refuse("id", std::to_string(message.id()) + " is an IpsecConnection's");
      read.row.use = LinkTunnel{row.name("peer_node", message.link().peer_node()),
                                labels_of(row, message.link().labels())};
      break;
    case v1::Tunnel::USE_NOT_SET:
      row.refuse("use", "is not set");
      break;
  }
  return row.judged(std::move(read));
}

Result<RouteKey> from_proto(const v1::RouteKey& message) {
  RowReader row(resource_of(message));
  return row.judged(key_of(row, message));
}

Result<Keyed<RouteKey, NextHop>> from_proto(const v1::Route& message) {
  RowReader row(resource_of(message.key()));
  Keyed<RouteKey, NextHop> read{key_of(row, message.key()), next_hop_of(row, message.next_hop())};
  return row.judged(std::move(read));
}

Result<Delta> from_proto(const v1::Delta& message) {
  RowReader row("Delta");
  Delta delta;
  delta.is_snapshot = message.is_snapshot();
  delta.node = row.name("node", message.node());
  delta.from_generation = message.from_generation();
  delta.to_generation = message.to_generation();
  if (delta.is_snapshot && delta.from_generation != 0)
    row.refuse("from_generation", "is set in a snapshot");
  if (delta.to_generation < delta.from_generation) row.refuse("to_generation", "goes back");
  if (row.error()) return *row.error();

  auto error =
      read_table("vrfs", message.vrfs(), message.removed_vrfs(), removed_id<VrfId>, delta.vrfs);
  if (!error)
    error = read_table("ports", message.ports(), message.removed_ports(), removed_id<PortId>,
                       delta.ports);
  if (!error) {
    error =
        read_table("security_groups", message.security_groups(), message.removed_security_groups(),
                   removed_id<SecurityGroupId>, delta.security_groups);
  }
  if (!error) {
    error = read_table("tunnels", message.tunnels(), message.removed_tunnels(),
                       removed_id<TunnelId>, delta.tunnels);
  }
  if (!error) {
    error = read_table(
        "routes", message.routes(), message.removed_routes(),
        [](const v1::RouteKey& key) { return from_proto(key); }, delta.routes);
  }
  if (error) return *error;

  const bool has_removals = !delta.vrfs.removals.empty() || !delta.ports.removals.empty() ||
                            !delta.security_groups.removals.empty() ||
                            !delta.tunnels.removals.empty() || !delta.routes.removals.empty();
  if (delta.is_snapshot && has_removals) row.refuse("removed rows", "stand in a snapshot");
  return row.judged(std::move(delta));
}

Result<Delta> parse(std::string_view bytes) {
  v1::Delta message;
  if (bytes.size() > INT32_MAX ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error{ErrorCode::kInvalid, "Delta", "", "the bytes are not a delta", kRemedy};
  }
  return from_proto(message);
}

}  // namespace farspan::nodestate::wire
