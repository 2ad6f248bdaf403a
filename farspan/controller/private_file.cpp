// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/private_file.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "farspan/base/unique_fd.h"

namespace farspan::controller {
namespace {

Error disk_error(const std::string& path) {
  const int why = errno;
  const char* remedy =
      why == ENOSPC || why == EDQUOT ? "make room on the disk of the controller's state directory"
      : why == EROFS || why == EIO   ? "see to the disk of the controller's state directory (dmesg)"
                                   : "let the controller's user read and write its state directory";
  return {why == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable, "file " + path, "",
          std::strerror(why), remedy};
}

// What is in a directory of secrets is its owner's alone. It may have been read already, so it is
// said.
Status tighten(const std::string& path, mode_t mode, mode_t wanted) {
  if ((mode & 077) == 0) return ok();
  if (::chmod(path.c_str(), wanted) != 0) return disk_error(path);
  spdlog::warn(
      "{} could be read or written by others (mode {:o}); now it is its owner's alone ({:o})", path,
      mode & 07777, wanted);
  return ok();
}

Status sync_directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return disk_error(directory);
  return ok();
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

Status write_private_file(const std::string& path, std::string_view bytes) {
  const std::string draft = path + ".new";
  ::unlink(draft.c_str());  // left by a crash, possibly with another mode
  const UniqueFd fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid() || !write_all(fd.get(), bytes) || ::fsync(fd.get()) != 0 ||
      ::rename(draft.c_str(), path.c_str()) != 0)
    return disk_error(path);
  return sync_directory_of(path);
}

Result<std::optional<std::string>> read_file(const std::string& path, size_t max_bytes) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOENT) return std::optional<std::string>();
    return disk_error(path);
  }
  std::string bytes(max_bytes + 1, '\0');
  size_t length = 0;
  while (length < bytes.size()) {
    const ssize_t count = ::read(fd.get(), bytes.data() + length, bytes.size() - length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk_error(path);
    if (count == 0) break;
    length += static_cast<size_t>(count);
  }
  if (length > max_bytes)
    return Error{ErrorCode::kInvalid, "file " + path, "", "is larger than any that Farspan writes",
                 "move it away"};
  bytes.resize(length);
  return std::optional<std::string>(std::move(bytes));
}

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return disk_error(path);
  return sync_directory_of(path);
}

Status make_private_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return disk_error(path);
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return disk_error(path);
  if (!S_ISDIR(found.st_mode))
    return Error{ErrorCode::kInvalid, "file " + path, "", "is not a directory", "move it away"};
  if (const auto tight = tighten(path, found.st_mode, 0700); !tight) return tight;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    struct stat file {};
    const std::string name = entry.path().string();
    if (::lstat(name.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) continue;
    if (const auto tight = tighten(name, file.st_mode, 0600); !tight) return tight;
  }
  return ok();
}

}  // namespace farspan::controller
