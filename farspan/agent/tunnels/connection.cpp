// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/tunnels/connection.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace farspan::tunnels {
namespace {

using nodestate::LinkTunnel;
using nodestate::OfficeTunnel;
using nodestate::Tunnel;
using nodestate::TunnelId;

constexpr const char* kDpdDelay = "5s";
// Without ESN an SA ends at 2^32 packets; renewed well before, whatever was negotiated.
constexpr uint64_t kRekeyPackets = 3'500'000'000, kLifePackets = 4'200'000'000;
// Ciphers with blocks of 64 bits repeat some after 2^32 of them, and tell about the text then
// (Sweet32, CVE-2016-2183): new keys come long before.
constexpr uint64_t kRekeyBytesOfDes = uint64_t{1} << 30, kLifeBytesOfDes = kRekeyBytesOfDes * 5 / 4;

std::string resource_of(TunnelId id, const Tunnel& tunnel) {
  if (const auto* office = std::get_if<OfficeTunnel>(&tunnel.use))
    return "IpsecConnection " + office->connection;
  if (const auto* link = std::get_if<LinkTunnel>(&tunnel.use)) return "Link to " + link->peer_node;
  return "Tunnel " + to_string(id);
}

/// charon reads %any and wildcards as "whoever": then any peer with this key would be taken for the
/// office.
bool is_one_identity(const std::string& identity) {
  return !identity.empty() && identity.size() <= 255 &&
         identity.find_first_of("*%\\\n\r#{}\"") == std::string::npos &&
         std::all_of(identity.begin(), identity.end(),
                     [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

bool is_proposal(const std::string& proposal) {
  return !proposal.empty() && std::all_of(proposal.begin(), proposal.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool has_small_blocks(const std::string& proposal) {
  return proposal.starts_with("des-") || proposal.starts_with("3des-");
}

std::vector<std::string> texts(const std::vector<net::Prefix>& prefixes) {
  std::vector<std::string> list;
  for (const net::Prefix& prefix : prefixes) list.push_back(prefix.text());
  if (list.empty()) list.push_back("0.0.0.0/0");
  return list;
}

std::string seconds(uint64_t value) { return std::to_string(value) + "s"; }

/// Renewed after 85-90 % of the lifetime, so that two ends with the same lifetime seldom do it at
/// once and a renewal that fails can be repeated before the end. 0: never.
void set_ike_lifetime(vici::Section& section, uint64_t lifetime) {
  const uint64_t rekey = lifetime - lifetime / 10;
  section.set("rekey_time", seconds(rekey));
  section.set("over_time", seconds(lifetime - rekey));
  section.set("rand_time", seconds(lifetime / 20));
  section.set("reauth_time", "0s");
}

void set_child_lifetime(vici::Section& section, uint64_t lifetime) {
  section.set("rekey_time", seconds(lifetime - lifetime / 10));
  section.set("life_time", seconds(lifetime));
  section.set("rand_time", seconds(lifetime / 20));
  section.set("rekey_packets", kRekeyPackets);
  section.set("life_packets", kLifePackets);
  section.set("rand_packets", kRekeyPackets / 20);
}

vici::Section child_section(TunnelId id, const nodestate::Ike& ike) {
  vici::Section child;
  child.set("mode", "tunnel");
  child.list("esp_proposals", {ike.esp_proposal});
  child.list("local_ts", texts(ike.local_subnets));
  child.list("remote_ts", texts(ike.remote_subnets));
  child.set("if_id_in", uint64_t{id.value()}).set("if_id_out", uint64_t{id.value()});
  child.set("replay_window", uint64_t{ike.replay_window_packets});
  child.set("copy_df", true).set("copy_ecn", true).set("copy_dscp", "out");
  set_child_lifetime(child, ike.esp_lifetime_seconds);
  if (has_small_blocks(ike.esp_proposal)) {
    child.set("rekey_bytes", kRekeyBytesOfDes);
    child.set("life_bytes", kLifeBytesOfDes);
    child.set("rand_bytes", kRekeyBytesOfDes / 20);
  }
  // A trap is installed by charon itself. What should be up at once is initiated by tunnel_set,
  // which knows whether the peer has just done it; a vanished peer is called again by charon even
  // without us.
  child.set("start_action", ike.is_start_now ? "none" : "trap");
  child.set("dpd_action", ike.is_start_now ? "start" : "trap");
  child.set("close_action", ike.is_start_now ? "none" : "trap");
  return child;
}

vici::Section common_section(TunnelId id, const nodestate::Ike& ike) {
  vici::Section connection;
  connection.set("version", uint64_t{ike.version});
  if (ike.version == 1) connection.set("aggressive", ike.is_aggressive);
  connection.list("local_addrs", {ike.local.text()}).list("remote_addrs", {ike.remote.text()});
  connection.list("proposals", {ike.ike_proposal});
  set_ike_lifetime(connection, ike.ike_lifetime_seconds);
  connection.set("dpd_delay", ike.has_dpd ? kDpdDelay : "0s");
  if (ike.version == 1) connection.set("dpd_timeout", "30s");
  connection.set("mobike", false).set("fragmentation", "yes");
  connection.set("unique", "replace").set("keyingtries", uint64_t{1});
  connection.section("children").section(kChild, child_section(id, ike));
  return connection;
}

void add_psk_rounds(vici::Section& connection, const nodestate::Ike& ike) {
  connection.set("encap", false);  // charon still encapsulates when it detects a NAT
  connection.section("local-1").set("auth", "psk").set("id", ike.local_id);
  connection.section("remote-1").set("auth", "psk").set("id", ike.remote_id);
}

void add_certificate_rounds(vici::Section& connection, const nodestate::Ike& ike) {
  connection.set("encap", true);  // UDP is what segmentation offload works on
  connection.set("send_cert", "always").set("send_certreq", false);
  connection.section("local-1").set("auth", "pubkey").set("id", ike.local_id);
  connection.section("remote-1").set("auth", "pubkey").set("id", ike.remote_id);
}

/// FNV-1a, 64 bits: tells versions of one tunnel apart; nothing secret and nothing hostile goes in.
std::string digest(const std::string& bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

/// The section with `list` appended to its sub-section `round`.
vici::Section with_list(const vici::Section& connection, const char* round, const char* list,
                        const std::string& value) {
  vici::Section changed;
  for (const vici::Entry& entry : connection.entries()) {
    if (const auto* section = std::get_if<vici::Section>(&entry.content)) {
      vici::Section& copy = changed.section(entry.name, *section);
      if (entry.name == round) copy.list(list, {value});
    } else if (const auto* items = std::get_if<std::vector<std::string>>(&entry.content)) {
      changed.list(entry.name, *items);
    } else {
      changed.set(entry.name, std::get<std::string>(entry.content));
    }
  }
  return changed;
}

vici::Section shared_key(TunnelId id, const nodestate::Ike& ike, const std::string& psk) {
  vici::Section shared;
  shared.set("id", secret_name(id)).set("type", "IKE").set("data", psk);
  shared.list("owners", {ike.local_id, ike.remote_id});
  return shared;
}

Status check(TunnelId id, const Tunnel& tunnel) {
  const std::string resource = resource_of(id, tunnel);
  const nodestate::Ike& ike = tunnel.ike;
  if (!is_proposal(ike.ike_proposal)) {
    return Error{ErrorCode::kInvalid, resource, "ike",
                 "proposal \"" + ike.ike_proposal + "\" is none", "choose algorithms of the list"};
  }
  if (!is_proposal(ike.esp_proposal)) {
    return Error{ErrorCode::kInvalid, resource, "ipsec",
                 "proposal \"" + ike.esp_proposal + "\" is none", "choose algorithms of the list"};
  }
  for (const auto& [field, identity] :
       {std::pair{"local_id", ike.local_id}, std::pair{"remote_id", ike.remote_id}}) {
    if (!is_one_identity(identity)) {
      return Error{ErrorCode::kInvalid, resource, field, "\"" + identity + "\" is not one identity",
                   "use an address or a domain name, without wildcards or blanks"};
    }
  }
  if (const auto* office = std::get_if<OfficeTunnel>(&tunnel.use)) {
    if (office->psk.empty())
      return Error{ErrorCode::kInvalid, resource, "psk", "is empty", "set a pre-shared key"};
  }
  return ok();
}

}  // namespace

Result<Connection> describe_connection(TunnelId id, const Tunnel& tunnel,
                                       const NodeCredentials& credentials) {
  if (auto checked = check(id, tunnel); !checked.ok()) return checked.error();

  Connection described;
  vici::Section connection = common_section(id, tunnel.ike);
  const bool is_link = std::holds_alternative<LinkTunnel>(tunnel.use);
  if (const auto* office = std::get_if<OfficeTunnel>(&tunnel.use)) {
    add_psk_rounds(connection, tunnel.ike);
    described.load_shared = shared_key(id, tunnel.ike, office->psk);
  } else {
    if (credentials.certificate.empty() || credentials.private_key.empty() ||
        credentials.ca_certificate.empty()) {
      return Error{ErrorCode::kUnavailable, resource_of(id, tunnel), "",
                   "this node has no certificate yet", "enrol the node with its token"};
    }
    add_certificate_rounds(connection, tunnel.ike);
  }

  auto bytes = vici::encode(connection);
  if (!bytes.ok()) {
    return Error{ErrorCode::kInvalid, resource_of(id, tunnel), "", bytes.error().what,
                 "use fewer subnets"};
  }
  described.name = "t" + to_string(id) + "-" + digest(*bytes);
  if (is_link) {
    connection = with_list(connection, "local-1", "certs", credentials.certificate);
    connection = with_list(connection, "remote-1", "cacerts", credentials.ca_certificate);
  }
  described.load_conn.section(described.name, std::move(connection));
  return described;
}

std::optional<TunnelId> tunnel_of(std::string_view name) {
  if (name.size() < 2 || name[0] != 't') return std::nullopt;
  uint32_t id = 0;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), id);
  if (error != std::errc{} || end == name.data() + 1) return std::nullopt;
  if (end != name.data() + name.size() && *end != '-') return std::nullopt;
  return TunnelId{id};
}

std::string secret_name(TunnelId id) { return "t" + to_string(id); }

bool is_first_to_initiate(const Tunnel& tunnel, const std::string& node) {
  const auto* link = std::get_if<LinkTunnel>(&tunnel.use);
  return !link || node < link->peer_node;
}

}  // namespace farspan::tunnels
