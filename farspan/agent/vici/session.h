// SPDX-License-Identifier: Apache-2.0
// vici::Session: one connection to charon's VICI socket: commands, streamed answers, events.
//
// Requests are answered in order; events may arrive between a request and its answer and are kept
// until take_event(). Nothing here blocks longer than the timeout, nor once the descriptor to stop
// by is readable: a charon that hangs is an error, not a hang of ours. After any kUnavailable the
// session is broken: open a new one.
//
// Not here: what the messages mean (tunnels/).
// Threads: one at a time.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <set>
#include <string>

#include "farspan/agent/vici/message.h"
#include "farspan/base/unique_fd.h"

namespace farspan::vici {

struct Event {
  std::string name;  // "ike-updown", "log", …
  Section content;
};

class Session {
 public:
  /// Connects to charon's VICI socket at `path`. kUnavailable when charon is not there.
  /// @param stop_fd  nothing waits while it is readable; -1: waits end by the timeout alone
  static Result<Session> connect(const std::string& path, int stop_fd = -1,
                                 std::chrono::milliseconds timeout = std::chrono::seconds(5));

  /// Sends `command` and returns the answer. A `success = no` in it becomes an Error with charon's
  /// words.
  Result<Section> request(const std::string& command, const Section& arguments = {});

  /// Sends `command` and returns every `event` it streams (list-sas → list-sa, list-conns →
  /// list-conn).
  Result<std::vector<Section>> stream(const std::string& command, const std::string& event,
                                      const Section& arguments = {});

  /// From now on charon sends `event`. kNotFound when this charon does not know it.
  Status subscribe(const std::string& event);

  /// To be polled for input; then call receive_events().
  int fd() const { return fd_.get(); }
  /// Reads what is there without waiting. kUnavailable when charon is gone.
  Status receive_events();
  /// The oldest event not taken yet.
  std::optional<Event> take_event();

 private:
  struct Packet {
    uint8_t type = 0;
    std::string name;
    Section content;
  };
  using Deadline = std::chrono::steady_clock::time_point;

  Session(UniqueFd fd, int stop_fd, std::chrono::milliseconds timeout)
      : fd_(std::move(fd)), stop_fd_(stop_fd), timeout_(timeout) {}
  Status wait_for(int16_t events, Deadline deadline, const char* otherwise) const;
  Status send(uint8_t type, const std::string& name, const Section* content);
  Status fill(Deadline deadline);
  Result<std::optional<Packet>> take_packet();
  Result<Packet> next(Deadline deadline);

  UniqueFd fd_;
  int stop_fd_;
  std::chrono::milliseconds timeout_;
  std::string buffer_;
  std::deque<Event> events_;
  std::set<std::string> streams_;  // events subscribed to by stream()
};

}  // namespace farspan::vici
