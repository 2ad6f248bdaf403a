// SPDX-License-Identifier: Apache-2.0
// TunnelStatus: how one tunnel is right now, as charon and its peer see it; proto TunnelStatus as a
// plain value.
//
// Not here: how it is found out (status.h from list-sas, diagnosis.h for the problem).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "farspan/nodestate/node_state.h"

namespace farspan::tunnels {

struct ChildSaStatus {
  std::string unique_id;
  uint32_t spi_in = 0, spi_out = 0;  // host order
  std::string state;                 // charon's word: "INSTALLED", "REKEYED", …
  uint64_t bytes_in = 0, bytes_out = 0, packets_in = 0, packets_out = 0;
  uint64_t age_seconds = 0;
  std::vector<std::string> local_subnets, remote_subnets;
  bool operator==(const ChildSaStatus&) const = default;
};

/// Why a tunnel is not up, for the person who must fix it.
struct TunnelProblem {
  std::string cause;  // "psk_mismatch", …: the words of diagnosis.cpp
  std::string words;
  std::string remedy;
  uint64_t seconds_ago = 0;
  bool operator==(const TunnelProblem&) const = default;
};

struct TunnelStatus {
  nodestate::TunnelId tunnel;
  bool is_ike_established = false;
  bool is_child_established = false;  // packets can flow
  std::string local, remote;          // "192.0.2.1[500]" in use, or as configured while down
  std::string ike_algorithms;         // "AES-CBC-256/HMAC-SHA2-256-128/PRF-HMAC-SHA2-256/MODP-2048"
  std::string esp_algorithms;         // "AES-GCM-16-256/ESN"
  bool is_nat_detected = false;
  uint64_t ike_age_seconds = 0, child_age_seconds = 0;
  uint64_t bytes_in = 0, bytes_out = 0, packets_in = 0,
           packets_out = 0;                            // of the Child SAs that exist now
  std::optional<uint64_t> last_packet_in_seconds_ago;  // over all its SAs; nothing: never
  std::optional<TunnelProblem> problem;
  std::vector<ChildSaStatus> children;
  std::string ike_id;  // charon's unique id of the IKE SA
  bool operator==(const TunnelStatus&) const = default;

  const char* ike_state() const {
    return is_ike_established ? "ike_sa_established" : "ike_sa_not_established";
  }
  const char* child_state() const {
    return is_child_established ? "ipsec_sa_established" : "ipsec_sa_not_established";
  }
};

}  // namespace farspan::tunnels
