// SPDX-License-Identifier: Apache-2.0
// What a program that serves does first, before it has threads.
//
// Not here: which descriptors and capabilities it keeps (dataplane/privileges.h).
// Threads: the first, before any other.
#pragma once

#include <signal.h>

namespace farspan {

/// Blocks SIGTERM and SIGINT, in this thread and all it will start, to be waited for (sigwait(3),
/// signalfd(2)): no code runs in a signal's context. @return the two
sigset_t block_ending_signals();

/// Lets this process open as many descriptors as it may (RLIMIT_NOFILE, soft to hard): shells start
/// programs with few. Nothing here uses select(2), whose sets end at the usual 1024.
/// @return false: errno says why not
bool raise_descriptor_limit();

}  // namespace farspan
