// SPDX-License-Identifier: Apache-2.0
// Version: of every program, once; the build reads it from here.
#pragma once

namespace farspan {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace farspan
