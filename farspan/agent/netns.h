// SPDX-License-Identifier: Apache-2.0
// netns: running a few system calls inside another network namespace.
//
// A namespace belongs to a thread, so the calls run on a thread of their own: nothing that goes
// wrong can leave the agent's threads in a foreign namespace.
#pragma once

#include <functional>
#include <string>

#include "farspan/base/result.h"

namespace farspan::agent {

inline constexpr const char* kNetnsDirectory = "/run/netns";

/// Runs `work` inside /run/netns/<name>, or in the agent's own namespace when `name` is empty, and
/// returns what it returns. kNotFound when there is no such namespace (yet).
Status in_netns(const std::string& name, const std::function<Status()>& work);

/// Which namespace that name stands for now; another answer later means that it was made anew.
/// Empty when there is none.
std::string netns_identity(const std::string& name);

}  // namespace farspan::agent
