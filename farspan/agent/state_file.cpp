// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "farspan/base/unique_fd.h"
#include "farspan/nodestate/delta.h"
#include "farspan/nodestate/wire/wire.h"

namespace farspan::agent {
namespace {

constexpr size_t kMaxState = 256u << 20;  // the same bound as a message's (base/message_socket.h)

Error failed(const std::string& path, const char* verb) {
  const int code = errno;
  return {code == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable, "", "",
          std::string("cannot ") + verb + " " + path + ": " + std::strerror(code),
          "see that the directory exists, is writable and has room"};
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

}  // namespace

Status write_file(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());  // a crash may have left one
  UniqueFd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return failed(temporary, "create");
  if (!write_all(file.get(), bytes)) return failed(temporary, "write");
  if (::fsync(file.get()) != 0) return failed(temporary, "sync");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed(path, "replace");
  UniqueFd directory(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || ::fsync(directory.get()) != 0)
    return failed(path, "sync the directory of");
  return ok();
}

Result<std::string> read_file(const std::string& path, size_t limit) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return failed(path, "open");
  struct stat attributes {};
  if (::fstat(file.get(), &attributes) != 0) return failed(path, "inspect");
  if (!S_ISREG(attributes.st_mode) || static_cast<size_t>(attributes.st_size) > limit) {
    return Error{ErrorCode::kInvalid, "", "",
                 path + " is no regular file of at most " + std::to_string(limit) + " bytes",
                 "remove it"};
  }
  std::string bytes(static_cast<size_t>(attributes.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(path, "read");
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

Result<nodestate::NodeState> load_state(const std::string& path) {
  auto bytes = read_file(path, kMaxState);
  if (!bytes) return bytes.error();
  auto delta = nodestate::wire::parse(*bytes);
  if (!delta) return delta.error();
  if (!delta->is_snapshot) {
    return Error{ErrorCode::kInvalid, "", "", path + " holds an increment",
                 "remove it; the controller sends a snapshot"};
  }
  return nodestate::apply({}, *delta);
}

Status save_state(const std::string& path, const nodestate::NodeState& state) {
  return write_file(path, nodestate::wire::serialize(nodestate::snapshot(state)));
}

}  // namespace farspan::agent
