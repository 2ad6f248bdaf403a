// SPDX-License-Identifier: Apache-2.0
// status: what charon's list-sas says, as one TunnelStatus per tunnel.
//
// A tunnel can have several IKE SAs for a moment (both ends initiated, one is being made anew): the
// newest established one is shown. Of its Child SAs all are shown, the replaced ones too while they
// still carry late packets.
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
  bool is_connecting = false;  // not authenticated yet
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

}  // namespace farspan::tunnels
