// SPDX-License-Identifier: Apache-2.0
// Contexts: the controllers a person logged in to, and which of them commands mean.
//
// One JSON file, mode 0600 because it has tokens, in $XDG_CONFIG_HOME/farspan or ~/.config/farspan:
//
//   {"current": "prod", "contexts": {"prod": {"url": …, "ca_pem": …, "token": …}}}
//
// Not here: logging in (login_commands.cpp). Threads: none; a write replaces the file at once.
#pragma once

#include <map>
#include <string>

#include "farspan/cli/rest/controller_address.h"

namespace farspan::cli {

struct Contexts {
  std::string current;  // empty: the controller of this machine
  std::map<std::string, ControllerAddress> by_name;

  /// Where they are kept; empty when neither XDG_CONFIG_HOME nor HOME is set.
  static std::string path();
  /// What is kept; nothing when there is no file yet. kInvalid when the file is not ours, or others
  /// may read it.
  static Result<Contexts> load();
  /// Keeps them. kUnavailable when that cannot be written.
  Status save() const;
};

/// Which controller a command means, and how to reach it:
///   1. `said` (--controller), else $FARSPAN_CONTROLLER: a socket's path, a context's name, or the
///      URL of a context
///   2. the current context
///   3. /run/farspan-controller/api.sock, else the one lab that is up
/// An Error that lists what was tried when none of them is there.
Result<ControllerAddress> find_controller(const std::string& said);

}  // namespace farspan::cli
