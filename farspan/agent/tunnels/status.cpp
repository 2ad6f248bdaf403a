// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/tunnels/status.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "farspan/agent/tunnels/connection.h"

namespace farspan::tunnels {
namespace {

/// "AES_CBC" and its key size as "AES-CBC-256"; empty when there is none.
std::string algorithm(const vici::Section& section, std::string_view name,
                      std::string_view keysize = {}) {
  std::string text(section.value(name));
  std::replace(text.begin(), text.end(), '_', '-');
  if (!text.empty() && !keysize.empty() && section.number(keysize) != 0)
    text += "-" + std::to_string(section.number(keysize));
  return text;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    if (!text.empty()) text += "/";
    text += part;
  }
  return text;
}

uint32_t spi(const vici::Section& section, std::string_view name) {
  const std::string_view text = section.value(name);
  uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

std::vector<std::string> list(const vici::Section& section, std::string_view name) {
  const auto* items = section.find_list(name);
  return items ? *items : std::vector<std::string>{};
}

bool can_carry_packets(std::string_view state) {
  return state == "INSTALLED" || state == "UPDATING" || state == "REKEYING" || state == "REKEYED" ||
         state == "RETRYING";
}

ChildSaStatus read_child(const vici::Section& section) {
  ChildSaStatus child;
  child.unique_id = section.value("uniqueid");
  child.state = section.value("state");
  child.spi_in = spi(section, "spi-in");
  child.spi_out = spi(section, "spi-out");
  child.bytes_in = section.number("bytes-in");
  child.bytes_out = section.number("bytes-out");
  child.packets_in = section.number("packets-in");
  child.packets_out = section.number("packets-out");
  child.age_seconds = section.number("install-time");
  child.local_subnets = list(section, "local-ts");
  child.remote_subnets = list(section, "remote-ts");
  return child;
}

std::string esp_algorithms(const vici::Section& section) {
  return joined({algorithm(section, "encr-alg", "encr-keysize"), algorithm(section, "integ-alg"),
                 algorithm(section, "dh-group"), section.number("esn") ? "ESN" : ""});
}

void add_child(TunnelStatus& status, const vici::Section& section) {
  const ChildSaStatus child = read_child(section);
  if (can_carry_packets(child.state)) {
    // the youngest is the one in use
    if (!status.is_child_established || child.age_seconds <= status.child_age_seconds) {
      status.child_age_seconds = child.age_seconds;
      status.esp_algorithms = esp_algorithms(section);
    }
    status.is_child_established = true;
  }
  if (!section.value("use-in").empty()) {  // of one that is gone in a moment too
    const uint64_t ago = section.number("use-in");
    status.last_packet_in_seconds_ago =
        std::min(ago, status.last_packet_in_seconds_ago.value_or(ago));
  }
  status.bytes_in += child.bytes_in;
  status.bytes_out += child.bytes_out;
  status.packets_in += child.packets_in;
  status.packets_out += child.packets_out;
  status.children.push_back(child);
}

std::string endpoint(const vici::Section& section, std::string_view host, std::string_view port) {
  return std::string(section.value(host)) + "[" + std::string(section.value(port)) + "]";
}

IkeSa read_ike(const vici::Section& section) {
  IkeSa sa;
  TunnelStatus& status = sa.status;
  const std::string_view state = section.value("state");
  sa.unique_id = section.value("uniqueid");
  sa.is_established = state == "ESTABLISHED" || state == "REKEYING" || state == "REKEYED";
  sa.is_settled = state == "ESTABLISHED";
  sa.is_initiator = section.value("initiator") == "yes";
  sa.version = section.number("version");
  sa.is_connecting = state == "CREATED" || state == "CONNECTING";
  sa.has_peer_answered =
      section.value("responder-spi").find_first_not_of('0') != std::string_view::npos;
  status.ike_id = sa.unique_id;
  status.is_ike_established = sa.is_established;
  status.local = endpoint(section, "local-host", "local-port");
  status.remote = endpoint(section, "remote-host", "remote-port");
  status.is_nat_detected = section.value("nat-any") == "yes" && section.value("nat-fake") != "yes";
  if (sa.is_established) {
    status.ike_algorithms =
        joined({algorithm(section, "encr-alg", "encr-keysize"), algorithm(section, "integ-alg"),
                algorithm(section, "prf-alg"), algorithm(section, "dh-group")});
    status.ike_age_seconds = section.number("established");
  }
  if (const vici::Section* children = section.find("child-sas")) {
    for (const vici::Entry& entry : children->entries()) {
      if (const auto* child = std::get_if<vici::Section>(&entry.content)) add_child(status, *child);
    }
  }
  return sa;
}

}  // namespace

std::map<nodestate::TunnelId, std::vector<IkeSa>> read_sas(
    const std::vector<vici::Section>& list_sa) {
  std::map<nodestate::TunnelId, std::vector<IkeSa>> by_tunnel;
  for (const vici::Section& event : list_sa) {
    for (const vici::Entry& entry : event.entries()) {
      const auto* section = std::get_if<vici::Section>(&entry.content);
      const auto tunnel = tunnel_of(entry.name);
      if (!section || !tunnel) continue;
      IkeSa sa = read_ike(*section);
      sa.connection = entry.name;
      sa.status.tunnel = *tunnel;
      by_tunnel[*tunnel].push_back(std::move(sa));
    }
  }
  return by_tunnel;
}

const IkeSa* leading_sa(const std::vector<IkeSa>& sas) {
  const auto rank = [](const IkeSa& sa) {
    return std::tuple(sa.is_established, sa.status.is_child_established,
                      ~sa.status.ike_age_seconds);
  };
  const auto best = std::max_element(
      sas.begin(), sas.end(), [&](const IkeSa& a, const IkeSa& b) { return rank(a) < rank(b); });
  return best == sas.end() ? nullptr : &*best;
}

std::optional<TunnelStatus> combined_status(const std::vector<IkeSa>& sas) {
  const IkeSa* leading = leading_sa(sas);
  if (!leading) return std::nullopt;
  TunnelStatus combined = leading->status;
  for (const IkeSa& sa : sas) {
    if (&sa == leading || !leading->is_established || !sa.is_established) continue;
    const TunnelStatus& other = sa.status;
    combined.bytes_in += other.bytes_in;
    combined.bytes_out += other.bytes_out;
    combined.packets_in += other.packets_in;
    combined.packets_out += other.packets_out;
    combined.children.insert(combined.children.end(), other.children.begin(), other.children.end());
  }
  return combined;
}

}  // namespace farspan::tunnels
