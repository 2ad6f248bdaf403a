// SPDX-License-Identifier: Apache-2.0
// Private files: small secrets in the state directory, mode 0600, written whole and durably or not
// at all.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "farspan/base/result.h"

namespace farspan::controller {

/// Replaces `path` by `bytes`; after it returns they survive a power cut, and no reader sees half
/// of them.
Status write_private_file(const std::string& path, std::string_view bytes);

/// The bytes of `path`, or nothing when it does not exist. Refuses more than `max_bytes`.
Result<std::optional<std::string>> read_file(const std::string& path, size_t max_bytes = 64 << 10);

/// Removes `path` durably. kNotFound when it does not exist: of two callers only one is told ok.
Status remove_file(const std::string& path);

/// Makes the directory `path` with mode 0700. When it stands, it and the files in it lose whatever
/// rights others have, and the log says so.
Status make_private_directory(const std::string& path);

}  // namespace farspan::controller
