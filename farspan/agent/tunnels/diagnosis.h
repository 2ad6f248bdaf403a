// SPDX-License-Identifier: Apache-2.0
// diagnosis: from the plugin's `farspan-problem` lines to a named cause, words and a remedy per
// tunnel.
//
// The line names the connection only once charon knows which one it is; before that (a peer that
// presents another identity, an IKEv1 key that does not fit) the tunnel is found by the peer's
// identity, then by its address. Several offices behind one address then share the finding: each of
// those that is down shows it.
//
//   farspan-problem psk_mismatch stage=auth by=us remote=192.0.2.7 id=office.example
//
// Not here: where the line is made (ike/diagnosis_listener.c).
// Threads: one.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "farspan/agent/tunnels/tunnel_status.h"

namespace farspan::tunnels {

struct ProblemLine {
  std::string cause;  // one of the words of diagnosis.cpp
  std::string stage;  // init | auth | child | established
  bool is_by_peer = false;
  std::string remote;  // address
  std::string identity;
};

/// The problem in one line of charon's log, or nothing when it is another line.
std::optional<ProblemLine> read_problem(std::string_view line);

class Diagnosis {
 public:
  using Clock = std::chrono::steady_clock;

  /// Remembers `problem` for the tunnels it is about. `connection` may be empty or no connection of
  /// ours.
  void found(const ProblemLine& problem, std::string_view connection,
             const nodestate::Tunnels& wanted, Clock::time_point now);
  /// The tunnel is up: whatever was wrong is over.
  void clear(nodestate::TunnelId tunnel) { findings_.erase(tunnel); }
  /// Why `tunnel` is down, if that is known.
  std::optional<TunnelProblem> problem(nodestate::TunnelId id, const nodestate::Tunnel& tunnel,
                                       Clock::time_point now) const;

 private:
  struct Finding {
    ProblemLine line;
    Clock::time_point at;
  };
  void remember(nodestate::TunnelId tunnel, const ProblemLine& problem, Clock::time_point now);

  std::map<nodestate::TunnelId, Finding> findings_;
};

}  // namespace farspan::tunnels
