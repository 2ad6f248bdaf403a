// SPDX-License-Identifier: Apache-2.0
// state_file: what must survive a restart or a crash, written so that a reader finds the old or the
// new, never a half.
//
// A temporary file beside the target, fsync, rename, fsync of the directory. Mode 0600 for all of
// them: pre-shared keys and the node's private key are among them.
//
// Not here: what the bytes mean for the protocol (nodestate/wire).
// Threads: one writer per path.
#pragma once

#include <string>
#include <string_view>

#include "farspan/base/result.h"
#include "farspan/nodestate/node_state.h"

namespace farspan::agent {

/// Replaces the file at `path`. It is on the disk when this returns without an error.
Status write_file(const std::string& path, std::string_view bytes);
/// The file's bytes. kNotFound when there is none, kInvalid when it is larger than `limit`.
Result<std::string> read_file(const std::string& path, size_t limit);

/// The state that `save_state` kept at `path`. kNotFound when there is none, kInvalid when it
/// cannot be read.
Result<nodestate::NodeState> load_state(const std::string& path);
Status save_state(const std::string& path, const nodestate::NodeState& state);

}  // namespace farspan::agent
