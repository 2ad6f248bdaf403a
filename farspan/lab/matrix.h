// SPDX-License-Identifier: Apache-2.0
// Matrix: everyone × everyone, by real ICMP echoes and real HTTP over TCP, against what the
// declared network promises.
//
// Each probe is sent by a thread that has entered the source's namespace, so the packets take the
// way the workload's own would. The path is observed, too: echo requests with a growing TTL, whose
// ICMP answers name the routers (as traceroute does).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/lab/topology.h"

namespace farspan::lab {

struct Host {
  std::string name, netns;
  net::Address address;
};

struct ProbeResult {
  bool is_expected = false;  // what the declared network promises
  bool is_reached = false;
  std::string reason;  // why it is not expected to get through
  bool agrees() const { return is_expected == is_reached; }
};

struct Pair {
  std::string from, to;
  ProbeResult icmp, tcp;
  std::optional<double> latency_milliseconds;  // best of three echoes
  std::vector<std::string>
      path;  // observed: names of routers and places, source and destination included
};

struct Matrix {
  std::vector<Host> hosts;
  std::vector<Pair> pairs;  // every ordered pair of two hosts
  bool agrees() const;
};

/// The hosts of a lab that take part: offices' computers and instances.
std::vector<Host> hosts_of(const Topology& topology);

/// Probes every pair, up to 32 at once; what is expected comes from the controller at `api_socket`.
Result<Matrix> measure_matrix(const Topology& topology, const std::string& api_socket);

nlohmann::json to_json(const Matrix& matrix);

}  // namespace farspan::lab
