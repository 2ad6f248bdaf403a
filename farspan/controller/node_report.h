// SPDX-License-Identifier: Apache-2.0
// NodeReport: what a node last said of itself, in plain types. What is in force, never what was
// hoped for.
//
// Not here: keeping them (node_reports.h), the wire (report_from_wire.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farspan::controller {

using SteadyTime = std::chrono::steady_clock::time_point;

struct ItemFailure {
  std::string item;  // "Instance app-us-east"
  std::string reason, remedy;
  bool operator==(const ItemFailure&) const = default;
};

struct ChildSaReport {
  std::string unique_id, state;
  uint32_t spi_in = 0, spi_out = 0;
  uint64_t bytes_in = 0, bytes_out = 0, packets_in = 0, packets_out = 0, age_seconds = 0;
  std::vector<std::string> local_subnets, remote_subnets;
};

struct TunnelProblem {
  std::string cause;  // "psk_mismatch"
  std::string words, remedy;
  uint64_t seconds_ago = 0;
};

/// How large an outer IPv4 packet may be on the way to a tunnel's peer.
struct PathMtuReport {
  uint32_t mtu = 0, route_mtu = 0;
  std::string origin;  // "route", "quote", "probe", "black_hole", "declared"
  uint64_t seconds_ago = 0;
};

struct TunnelReport {
  uint32_t tunnel = 0;
  std::string ike_state, child_state;
  std::string local, remote, ike_algorithms, esp_algorithms, ike_id;
  bool is_nat_detected = false;
  uint64_t ike_age_seconds = 0, child_age_seconds = 0;
  uint64_t bytes_in = 0, bytes_out = 0, packets_in = 0, packets_out = 0;
  std::optional<uint64_t> last_packet_in_seconds_ago;  // nothing: never
  std::optional<TunnelProblem> problem;
  std::vector<ChildSaReport> children;
  std::optional<PathMtuReport> path;  // nothing: it has sent nothing yet
};

struct CounterReport {
  std::string name;
  uint64_t value = 0;
};

struct PortReport {
  uint32_t port = 0;
  uint64_t packets_in = 0, bytes_in = 0, packets_out = 0, bytes_out = 0;
};

/// What one ingress has of a node's flow table.
struct FlowUser {
  enum class Kind : uint8_t { kOthers, kPort, kOffice, kLink };
  Kind kind = Kind::kOthers;
  uint32_t id = 0;               // of the port or tunnel
  uint32_t vrf = 0, group = 0;   // of links: which part of the sources behind it
  uint64_t flows = 0, weak = 0;  // weak: opening, one-way or closing
  uint64_t opened_last_second = 0, opened = 0, refused = 0, evicted = 0;
};

struct FlowUse {
  uint64_t flows = 0, capacity = 0;
  std::vector<FlowUser> users;  // those who hold or open most, first
};

struct NodeStatus {
  std::vector<TunnelReport> tunnels;
  std::vector<CounterReport> counters;
  std::vector<PortReport> ports;
  bool is_dataplane_up = false, is_charon_up = false;
  std::optional<FlowUse> flow_use;
};

/// One certificate was used by two machines at once: one of them is a copy.
struct TwoMachines {
  std::string newer, older;  // addresses
  SteadyTime seen_at;
};

struct NodeReport {
  bool is_connected = false;
  std::string version;                  // of the agent
  std::optional<SteadyTime> heard_at;   // the last message of any kind; nothing: never
  uint64_t generation_in_force = 0;     // 0: it said none yet
  std::vector<ItemFailure> failures;    // of that generation
  std::optional<SteadyTime> status_at;  // when `status` came
  std::shared_ptr<const NodeStatus> status = std::make_shared<const NodeStatus>();  // never null
  uint64_t refused_messages = 0;            // not believed, since it connected
  std::optional<TwoMachines> two_machines;  // since the controller started or the node was deleted
};

}  // namespace farspan::controller
