// SPDX-License-Identifier: Apache-2.0
// FS_CHECK: an invariant of Farspan itself; breaking it ends the program with the place and the
// words. FS_DCHECK: the same on the packet path, compiled out of release builds.
//
// Never for input: input that is wrong gets an Error or a DropReason.
#pragma once

#include <cstdint>

namespace farspan {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}

#define FS_CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::farspan::check_failed(#expression, __FILE__, __LINE__))

#ifdef NDEBUG
#define FS_DCHECK(expression) static_cast<void>(0)
#else
#define FS_DCHECK(expression) FS_CHECK(expression)
#endif
