// SPDX-License-Identifier: Apache-2.0
// FS_CHECK: an invariant of Farspan itself; breaking it ends the program with the place and the
// words. FS_HOLDS: one of the packet path, as a condition (below).
//
// Never for input: input that is wrong gets an Error or a DropReason.
#pragma once

#include <cstdint>

namespace farspan {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}

#define FS_CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::farspan::check_failed(#expression, __FILE__, __LINE__))

// Where it is false the packet at hand is dropped as broken_invariant: whoever may send packets
// must not end a node. Debug builds end; tools/check_release_program finds the words of the second
// form in a program that has them.
#ifndef FARSPAN_DEBUG_CHECKS
#define FS_HOLDS(expression) __builtin_expect(static_cast<bool>(expression), true)
#else
#define FS_HOLDS(expression) \
  ((expression)              \
       ? true                \
       : (::farspan::check_failed("on the packet path, " #expression, __FILE__, __LINE__), false))
#endif
