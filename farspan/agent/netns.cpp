// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "farspan/base/unique_fd.h"

namespace farspan::agent {
namespace {

Status enter(const std::string& name) {
  const std::string path = std::string(kNetnsDirectory) + "/" + name;
  UniqueFd netns(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns.valid()) {
    return Error{ErrorCode::kNotFound, "", "netns", name + " does not exist",
                 "create it (ip netns add " + name + "); the agent is waiting for it"};
  }
  // The file exists a moment before the namespace is mounted on it: EINVAL then, and the next
  // attempt succeeds.
  if (::setns(netns.get(), CLONE_NEWNET) != 0) {
    return Error{ErrorCode::kUnavailable, "", "netns",
                 name + " cannot be entered: " + std::strerror(errno),
                 "see that " + path + " is a network namespace and the agent has CAP_SYS_ADMIN"};
  }
  return ok();
}

}  // namespace

Status in_netns(const std::string& name, const std::function<Status()>& work) {
  if (name.empty()) return work();
  Status status = ok();
  std::thread inside([&] {
    status = enter(name);
    if (status) status = work();
  });
  inside.join();
  return status;
}

std::string netns_identity(const std::string& name) {
  if (name.empty()) return "own";
  struct stat attributes {};
  if (::stat((std::string(kNetnsDirectory) + "/" + name).c_str(), &attributes) != 0) return "";
  return std::to_string(attributes.st_dev) + ":" + std::to_string(attributes.st_ino);
}

}  // namespace farspan::agent
