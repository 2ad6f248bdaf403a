// SPDX-License-Identifier: Apache-2.0
// connection: one tunnel's row as the VICI messages that make charon hold it.
//
// The connection's name carries a digest of everything that matters for the peer, so a changed row
// is another connection and an unchanged one is recognized after any restart. Secrets and
// certificates are not in it: a name is seen in logs. Both are loaded again instead, which touches
// no SA.
//
//   t<tunnel>-<digest>    the connection; its only child is named kChild
//   t<tunnel>             its pre-shared key
//
// Not here: when to load, initiate and unload (tunnel_set.h).
// Standards: the keys are those of swanctl.conf(5) of strongSwan 5.9.
#pragma once

#include <optional>
#include <string>

#include "farspan/agent/tunnels/tunnel_set.h"
#include "farspan/agent/vici/message.h"

namespace farspan::tunnels {

inline constexpr const char* kChild = "esp";

struct Connection {
  std::string name;
  vici::Section load_conn;                   // argument of load-conn
  std::optional<vici::Section> load_shared;  // argument of load-shared; offices only
};

/// What charon must be told for `tunnel`. kInvalid when an identity or a proposal cannot be said
/// safely, kUnavailable for a link without credentials.
Result<Connection> describe_connection(nodestate::TunnelId id, const nodestate::Tunnel& tunnel,
                                       const NodeCredentials& credentials);

/// The tunnel whose connection is named `name`, or nothing when the name is none of ours.
std::optional<nodestate::TunnelId> tunnel_of(std::string_view name);
std::string secret_name(nodestate::TunnelId id);
/// Of both ends of a link exactly one initiates at once: the smaller name. The other helps out
/// after a while.
bool is_first_to_initiate(const nodestate::Tunnel& tunnel, const std::string& node);

}  // namespace farspan::tunnels
