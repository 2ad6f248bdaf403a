// SPDX-License-Identifier: Apache-2.0
// CharonLoop: the thread that talks to charon on sad.sock, and to workers by the view of SAs.
//
// One request at a time and each answered before the next, so that a charon that was answered knows
// that every packet from now on sees what it asked for. It gives up after two seconds (ike/
// sad_link.c), so nothing here takes longer than a row; tables are made by another thread
// (agent_loop.h). What charon has no room for at the moment waits here, in order; what is said
// while charon is away is said again when it is back, if it still holds (ipsec/sad.h).
//
// Not here: what requests mean (ipsec/sad_session.h), packets (worker.h).
// Threads: create(), stop() and sa_rows() anywhere, run() on a thread of its own.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "farspan/dataplane/control/tables_server.h"
#include "farspan/dataplane/ipsec/sad_session.h"
#include "farspan/dataplane/shared_state.h"
#include "farspan/dataplane/wait_set.h"

namespace farspan::dataplane {

class CharonLoop {
 public:
  /// Listens on sad.sock in `run_dir`. @param sad  this loop's alone from now on
  static Result<std::unique_ptr<CharonLoop>> create(SharedState& shared, ipsec::Sad& sad,
                                                    const std::string& run_dir);
  ~CharonLoop();

  /// Serves until stop().
  void run();
  void stop() const { wait_set_.stop(); }

  /// Every SA there is. Requests of charon wait meanwhile, some milliseconds at most.
  std::vector<SaRow> sa_rows();

 private:
  CharonLoop(SharedState& shared, ipsec::Sad& sad, UniqueFd listener, std::string run_dir);

  void serve(int fd);
  void accept_charon();
  void serve_charon();
  void tell_charon(std::string message);
  void send_to_charon();
  void lose_charon();
  void take_events();
  void tick();

  SharedState& shared_;
  ipsec::Sad& sad_;
  std::mutex sad_mutex_;  // held but while run() waits
  WaitSet wait_set_;
  UniqueFd listener_;
  std::string run_dir_;
  UniqueFd charon_;
  std::optional<ipsec::SadSession> session_;
  std::deque<std::string> to_charon_;  // not sent yet
  bool is_charon_full_ = false;        // watched for room
};

}  // namespace farspan::dataplane
