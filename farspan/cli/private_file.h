// SPDX-License-Identifier: Apache-2.0
// private_file: files that hold a secret, and that nobody else may read at any moment.
#pragma once

#include <string>

#include "farspan/base/result.h"

namespace farspan::cli {

/// Puts `text` into `path` with mode 0600, whole or not at all; what was there is replaced.
/// kUnavailable with the path and the system's words when that cannot be done.
Status write_private(const std::string& path, const std::string& text);

}  // namespace farspan::cli
