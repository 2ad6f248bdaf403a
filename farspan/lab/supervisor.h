// SPDX-License-Identifier: Apache-2.0
// Supervisor: keeps the programs of one lab running, as systemd does on a real node.
//
// One daemon per lab. Programs are its children and die with it (PR_SET_PDEATHSIG), so that nothing
// can be left behind; one that ends is started again after a short pause. Asked through a Unix
// socket with one JSON object per connection: {"start": {...}}, {"stop": "name"}, {"list": true}.
//
// Threads: none; one poll loop.
#pragma once

#include <string>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/lab/command.h"

namespace farspan::lab {

struct Program {
  std::string name;  // "us-east-node/charon"
  Argv argv;
  std::string log;  // file that takes standard output and error
};

struct ProgramStatus {
  std::string name;
  int pid = 0;  // 0: between two starts
  int starts = 0;
};

class Supervisor {
 public:
  /// Starts the daemon of the lab whose files are in `directory`; returns when it listens.
  static Result<Supervisor> launch(const std::string& directory);
  /// The running daemon of that lab. kUnavailable when there is none.
  static Result<Supervisor> find(const std::string& directory);

  Status start(const Program& program) const;
  Status stop(const std::string& name) const;
  Result<std::vector<ProgramStatus>> list() const;
  /// Ends every program and the daemon; returns when they are gone.
  Status shut_down() const;

 private:
  explicit Supervisor(std::string directory) : directory_(std::move(directory)) {}
  std::string directory_;
};

}  // namespace farspan::lab
