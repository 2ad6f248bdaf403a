// SPDX-License-Identifier: Apache-2.0
// TunnelSet: makes charon hold exactly the wanted tunnels, and says how each of them is.
//
// Given the rows, reconcile() compares them with what charon has (list-conns, get-shared, get-keys)
// and changes only the difference: an unchanged tunnel keeps its IKE SA and its packets. What was
// loaded is remembered by a digest in the connection's name, "t<tunnel>-<digest>", so a restarted
// agent knows what an older one loaded without touching it, and a restarted charon simply holds
// nothing.
//
// One object per node. Call poll() whenever fd() is readable and at least once a second: it reads
// charon's events, connects again after charon's restart, initiates what should be up and is not
// (every 10 s per tunnel, sooner after a change).
//
//   wanted rows ─▶ reconcile ─▶ VICI load/unload/initiate/terminate ─▶ charon
//   status      ◀─ list-sas, and the diagnosis lines of our charon plugin (diagnosis.h)
//
// Not here: the wire format (vici/session.h), tables of the data plane (agent).
// Threads: one at a time; calls take as long as charon takes to answer, at most a few seconds.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "farspan/agent/tunnels/tunnel_status.h"
#include "farspan/base/result.h"
#include "farspan/nodestate/node_state.h"

namespace farspan::tunnels {

/// How this node proves itself on links: PEM or DER. Empty until the node is enrolled; then links
/// fail by name.
struct NodeCredentials {
  std::string node;  // "us-east-1"
  std::string certificate;
  std::string private_key;
  std::string ca_certificate;
  bool operator==(const NodeCredentials&) const = default;
};

/// What could not be done for one tunnel.
struct TunnelFailure {
  nodestate::TunnelId tunnel;
  Error error;
};

class TunnelSet {
 public:
  using Clock = std::chrono::steady_clock;

  /// @param vici_path  charon's VICI socket; charon need not be there yet
  /// @param stop_fd  while it is readable charon's answers are not waited for; -1: always waits
  explicit TunnelSet(std::string vici_path, int stop_fd = -1);
  ~TunnelSet();
  TunnelSet(const TunnelSet&) = delete;
  TunnelSet& operator=(const TunnelSet&) = delete;

  /// Used by links from the next reconcile() on. Call before the first reconcile() and after a
  /// renewal.
  void set_credentials(NodeCredentials credentials);

  /// Makes charon hold exactly `wanted`. Failures are per tunnel; kUnavailable in all of them when
  /// charon is not there (they are tried again by poll() once it is).
  std::vector<TunnelFailure> reconcile(const nodestate::Tunnels& wanted);

  /// To be polled for input, or -1 while charon is not connected.
  int fd() const;
  /// Reads events, reconnects and reconciles after charon's restart, initiates what should be up.
  /// @return true when the state of a tunnel may have changed: ask status() again
  bool poll(Clock::time_point now = Clock::now());

  bool is_charon_up() const;
  /// What the last reconcile, or the one that poll() did after charon's restart, could not do.
  const std::vector<TunnelFailure>& failures() const;

  /// One status per wanted tunnel, in order of id. Without charon all are down with problem
  /// "ike_daemon_down".
  std::vector<TunnelStatus> status(Clock::time_point now = Clock::now());

  /// Takes down the SAs of `tunnel` and makes them anew. kNotFound when it is not wanted.
  Status restart(nodestate::TunnelId tunnel);
  enum class Rekey { kIke, kChild };
  Status rekey(nodestate::TunnelId tunnel, Rekey what);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace farspan::tunnels
