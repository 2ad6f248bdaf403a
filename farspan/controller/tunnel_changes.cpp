// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/tunnel_changes.h"

#include <algorithm>

namespace farspan::controller {
namespace {

using Action = TunnelChange::Action;
using nodestate::Tunnel;

std::string name_of(const Tunnel& tunnel) {
  if (const auto* office = std::get_if<nodestate::OfficeTunnel>(&tunnel.use))
    return "IpsecConnection " + office->connection;
  return "Link to Node " + std::get<nodestate::LinkTunnel>(tunnel.use).peer_node;
}

std::string text_of(const std::string& text) { return text; }
std::string text_of(bool is_so) { return is_so ? "yes" : "no"; }
std::string text_of(const net::Address& address) { return address.text(); }
std::string text_of(const std::vector<net::Prefix>& prefixes) {
  std::string text;
  for (const auto& prefix : prefixes) text += (text.empty() ? "" : ", ") + prefix.text();
  return text;
}
template <std::integral Number>
requires(!std::same_as<Number, bool>) std::string text_of(Number number) {
  return std::to_string(number);
}

class Reasons {
 public:
  template <class Value>
  void add(const char* what, const Value& before, const Value& after) {
    if (before != after) changes_.push_back({what, text_of(before), text_of(after)});
  }
  void add_secret(const char* what, const std::string& before, const std::string& after) {
    if (before != after)
      changes_.push_back({what, documents::kSecretShown, documents::kSecretShown});
  }
  std::vector<documents::FieldChange> take() { return std::move(changes_); }

 private:
  std::vector<documents::FieldChange> changes_;
};

}  // namespace

std::vector<documents::FieldChange> reasons_to_rebuild(const Tunnel& before, const Tunnel& after) {
  Reasons reasons;
  const nodestate::Ike &a = before.ike, &b = after.ike;
  reasons.add("IKE version", a.version, b.version);
  reasons.add("aggressive mode", a.is_aggressive, b.is_aggressive);
  reasons.add("local address", a.local, b.local);
  reasons.add("remote address", a.remote, b.remote);
  reasons.add("local identity", a.local_id, b.local_id);
  reasons.add("remote identity", a.remote_id, b.remote_id);
  reasons.add("IKE proposal", a.ike_proposal, b.ike_proposal);
  reasons.add("ESP proposal", a.esp_proposal, b.esp_proposal);
  reasons.add("IKE lifetime", a.ike_lifetime_seconds, b.ike_lifetime_seconds);
  reasons.add("ESP lifetime", a.esp_lifetime_seconds, b.esp_lifetime_seconds);
  reasons.add("replay window", a.replay_window_packets, b.replay_window_packets);
  reasons.add("local subnets", a.local_subnets, b.local_subnets);
  reasons.add("remote subnets", a.remote_subnets, b.remote_subnets);
  reasons.add("dead peer detection", a.has_dpd, b.has_dpd);
  reasons.add("starts at once", a.is_start_now, b.is_start_now);
  const auto* office = std::get_if<nodestate::OfficeTunnel>(&before.use);
  const auto* other = std::get_if<nodestate::OfficeTunnel>(&after.use);
  if (office != nullptr && other != nullptr) {
    reasons.add_secret("pre-shared key", office->psk, other->psk);
    reasons.add("Vpc", office->vrf.value(), other->vrf.value());
  }
  return reasons.take();
}

std::vector<TunnelChange> tunnel_changes(const nodestate::NodeState* before,
                                         const nodestate::NodeState* after) {
  static const nodestate::NodeState kNothing;
  const nodestate::NodeState& from = before != nullptr ? *before : kNothing;
  const nodestate::NodeState& to = after != nullptr ? *after : kNothing;
  const std::string& node = after != nullptr ? to.node : from.node;
  std::vector<TunnelChange> changes;
  nodestate::Tunnels::differences(
      from.tunnels, to.tunnels, [&](nodestate::TunnelId, const Tunnel* old, const Tunnel* now) {
        if (now == nullptr) {
          changes.push_back({Action::kEnd, node, name_of(*old), {}});
        } else if (old == nullptr) {
          changes.push_back({Action::kMake, node, name_of(*now), {}});
        } else if (auto reasons = reasons_to_rebuild(*old, *now); !reasons.empty()) {
          changes.push_back({Action::kRebuild, node, name_of(*now), std::move(reasons)});
        }
      });
  std::stable_partition(changes.begin(), changes.end(),
                        [](const TunnelChange& change) { return change.action == Action::kEnd; });
  return changes;
}

}  // namespace farspan::controller
