// SPDX-License-Identifier: Apache-2.0
// ControlLoop: the thread that talks: to the agent on tables.sock, to charon on sad.sock, to the
// worker by publishing.
//
// One request at a time and each answered before the next, so that an agent or a charon that was
// answered knows that every packet from now on sees what it asked for. What charon has no room for
// at the moment waits here, in order; what is said while charon is away is said again when it is
// back, if it still holds (ipsec/sad.h).
//
// Not here: what requests mean (control/tables_server.h, ipsec/sad_session.h), packets (worker.h).
// Threads: the control thread only.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "farspan/base/message_socket.h"
#include "farspan/dataplane/control/tables_server.h"
#include "farspan/dataplane/ipsec/sad_session.h"
#include "farspan/dataplane/shared_state.h"

namespace farspan::dataplane {

class ControlLoop {
 public:
  /// Listens on tables.sock and sad.sock in `run_dir`. @pre `builder.first()` is what `shared` has
  static Result<std::unique_ptr<ControlLoop>> create(SharedState& shared, TableBuilder& builder,
                                                     ipsec::Sad& sad, const std::string& run_dir);
  ~ControlLoop();

  /// Serves until SIGTERM or SIGINT, which must be blocked in every thread.
  void run();

 private:
  struct Sockets {
    UniqueFd agents, charons, signals, timer, epoll;
  };
  ControlLoop(SharedState& shared, TableBuilder& builder, ipsec::Sad& sad, Sockets sockets,
              std::string run_dir);

  bool watch(int fd);
  bool serve(int fd);  // false: the end was asked for
  void accept_agent();
  void serve_agent(int fd);
  void accept_charon();
  void serve_charon();
  void tell_charon(std::string message);
  void send_to_charon();
  void lose_charon();
  void take_events();
  void tick();
  void declare_peers();
  std::vector<SaRow> sa_rows();

  SharedState& shared_;
  ipsec::Sad& sad_;
  Sockets sockets_;
  std::string run_dir_;
  TablesServer tables_server_;
  std::map<int, MessageSocket> agents_;
  UniqueFd charon_;
  std::optional<ipsec::SadSession> session_;
  std::deque<std::string> to_charon_;  // not sent yet
  bool is_charon_full_ = false;        // watched for room
};

}  // namespace farspan::dataplane
