// SPDX-License-Identifier: Apache-2.0
// run: one command to its end, without a shell: arguments are never parsed again.
#pragma once

#include <string>
#include <vector>

#include "farspan/base/result.h"

namespace farspan::lab {

using Argv = std::vector<std::string>;

/// Runs `argv` and gives what it printed on standard output. kUnavailable with its standard error
/// when it fails.
Result<std::string> run(const Argv& argv);

/// `argv` to be run inside the network namespace `netns`.
Argv in_namespace(const std::string& netns, const Argv& argv);

}  // namespace farspan::lab
