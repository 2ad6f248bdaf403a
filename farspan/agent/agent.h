// SPDX-License-Identifier: Apache-2.0
// Agent: the node loop: takes deltas, keeps them on disk, makes the node equal to them, tells how
// it went.
//
//   session ── deltas ──▶ ┌───────────┐ ──▶ node_state.bin      (before anything is applied)
//   tunnels ── changes ─▶ │ node loop │ ──▶ Applier             (devices, tables, connections)
//   tables.sock closed ─▶ │  poll(2)  │ ──▶ session             (InForce, NodeStatus)
//   /run/netns, signals ▶ └───────────┘
//
// One thread decides everything, woken by descriptors and by the earliest thing that is due; the
// threads of charon (apply_tunnels.h) and of the controller (session.h) only bring and take
// messages. It ends on SIGTERM and SIGINT, leaving devices, tables and connections as they are: the
// network goes on without it.
//
// Not here: what any of it does (apply.h, session.h); command line (main.cpp).
#pragma once

#include <string>

namespace farspan::agent {

struct AgentSettings {
  std::string node;
  std::string run_directory;    // tables.sock, charon.vici
  std::string state_directory;  // node_state.bin, node.key, …: 0700
  std::string controller;       // host:port
  std::string bundle_path;      // empty: enrolled already
};

/// Runs until SIGTERM or SIGINT. @pre called on the main thread, before any other thread exists
void run_agent(const AgentSettings& settings);

}  // namespace farspan::agent
