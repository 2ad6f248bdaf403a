// SPDX-License-Identifier: Apache-2.0
// AgentLoop: the thread that talks to the agent on tables.sock, and to workers by publishing.
//
// A thread of its own, because a snapshot of a million routes takes seconds: charon's requests
// (charon_loop.h) do not wait for it, and packets find the tables before it until it is there. For
// the same reason it is polite: whoever forwards or negotiates goes before.
//
// One request at a time and each answered before the next, so that an agent that was answered knows
// that every packet from now on sees what it asked for.
//
// Not here: what requests mean (control/tables_server.h), packets (worker.h).
// Threads: create() and stop() anywhere, run() on a thread of its own.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "farspan/base/message_socket.h"
#include "farspan/dataplane/control/tables_server.h"
#include "farspan/dataplane/shared_state.h"
#include "farspan/dataplane/wait_set.h"

namespace farspan::dataplane {

class AgentLoop {
 public:
  using Sas = std::function<std::vector<SaRow>()>;

  /// Listens on tables.sock in `run_dir`. @param sas  asked on this loop's thread
  /// @pre `builder.first()` is what `shared` has
  static Result<std::unique_ptr<AgentLoop>> create(SharedState& shared, TableBuilder& builder,
                                                   Sas sas, const std::string& run_dir);
  ~AgentLoop();

  /// Serves until stop().
  void run();
  void stop() const { wait_set_.stop(); }

 private:
  AgentLoop(SharedState& shared, TableBuilder& builder, Sas sas, UniqueFd listener,
            std::string run_dir);

  void serve(int fd);
  void accept_agent();
  void serve_agent(int fd);
  void take_dead_ports();

  SharedState& shared_;
  WaitSet wait_set_;
  UniqueFd listener_;
  std::string run_dir_;
  TablesServer tables_server_;
  std::map<int, MessageSocket> agents_;
};

}  // namespace farspan::dataplane
