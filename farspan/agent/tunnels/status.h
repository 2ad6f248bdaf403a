// SPDX-License-Identifier: Apache-2.0
// status: what charon's list-sas says, as one TunnelStatus per tunnel.
//
// A tunnel can have several IKE SAs for a moment (both ends initiated, one is being made anew): the
// newest established one is shown. Child SAs are shown of all that are established, for any of them
// may carry packets, and the replaced ones too while they still carry late packets.
//
// Not here: problems (diagnosis.h).
#pragma once

#include <map>
#include <vector>

#include "farspan/agent/tunnels/tunnel_status.h"
#include "farspan/agent/vici/message.h"

namespace farspan::tunnels {

/// One IKE SA of a tunnel as charon lists it.
struct IkeSa {
  std::string connection;  // name of the connection that made it
  std::string unique_id;
  bool is_established = false;
  bool is_settled = false;     // established, and not being rekeyed
  bool is_connecting = false;  // not authenticated yet
  bool is_initiator = false;   // we are
  uint64_t version = 0;        // of IKE
  bool has_peer_answered = false;
  TunnelStatus status;  // of this IKE SA alone
};

/// The IKE SAs of the list-sa events, by tunnel, in charon's order. Those of other connections are
/// left out.
std::map<nodestate::TunnelId, std::vector<IkeSa>> read_sas(
    const std::vector<vici::Section>& list_sa);

/// The one that stands for the tunnel: established before not, with a Child SA before without, the
/// newest.
const IkeSa* leading_sa(const std::vector<IkeSa>& sas);

/// The status of the leading one, with the Child SAs of the other established ones beside its own.
/// Nothing without an IKE SA.
std::optional<TunnelStatus> combined_status(const std::vector<IkeSa>& sas);

}  // namespace farspan::tunnels
