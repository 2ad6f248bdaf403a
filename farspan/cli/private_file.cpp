// SPDX-License-Identifier: Apache-2.0
#include "farspan/cli/private_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "farspan/base/unique_fd.h"

namespace farspan::cli {
namespace {

bool write_all(int fd, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t some = ::write(fd, text.data() + done, text.size() - done);
    if (some < 0 && errno == EINTR) continue;
    if (some <= 0) return false;
    done += static_cast<size_t>(some);
  }
  return ::fsync(fd) == 0;
}

}  // namespace

Status write_private(const std::string& path, const std::string& text) {
  std::string fresh = path + ".XXXXXX";
  const UniqueFd fd(::mkostemp(fresh.data(), O_CLOEXEC));  // mode 0600 by its definition
  const bool is_made = fd.valid();
  if (is_made && write_all(fd.get(), text) && ::rename(fresh.c_str(), path.c_str()) == 0)
    return ok();
  const Error error{ErrorCode::kUnavailable, "", "",
                    "cannot write " + path + ": " + std::strerror(errno),
                    "name a file in a directory you may write to"};
  if (is_made) ::unlink(fresh.c_str());
  return error;
}

}  // namespace farspan::cli
