// SPDX-License-Identifier: Apache-2.0
#include "farspan/base/message_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace farspan {
namespace {

using Clock = std::chrono::steady_clock;

Error unavailable(std::string what) {
  return {ErrorCode::kUnavailable, "", "", std::move(what), ""};
}
std::string reason() { return std::strerror(errno); }

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{ErrorCode::kInvalid, "", "", "socket path " + path + " is longer than 107 bytes",
                 "use a shorter run directory"};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

// Milliseconds left until `deadline` for poll(2): -1 for ever, 0 when it has passed.
int remaining(Clock::time_point deadline) {
  if (deadline == Clock::time_point::max()) return -1;
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

// Reads exactly `length` bytes, keeping any descriptors that arrive.
Status read_exactly(int fd, char* to, size_t length, std::vector<UniqueFd>& fds,
                    Clock::time_point deadline) {
  while (length > 0) {
    pollfd readable{fd, POLLIN, 0};
    const int ready = ::poll(&readable, 1, remaining(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return unavailable("no answer in time");
    iovec part{to, length};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * MessageSocket::kMaxFds)];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t n = ::recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return unavailable("receive failed: " + reason());
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
      const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int received;
        std::memcpy(&received, CMSG_DATA(c) + i * sizeof(int), sizeof received);
        fds.emplace_back(received);
      }
    }
    if (n == 0) return unavailable("the peer closed the connection");
    to += n;
    length -= static_cast<size_t>(n);
  }
  return ok();
}

}  // namespace

Result<UniqueFd> connect_unix(const std::string& path, int socket_type) {
  auto address = address_of(path);
  if (!address) return address.error();
  UniqueFd fd(::socket(AF_UNIX, socket_type | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return unavailable("socket failed: " + reason());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return unavailable("nobody answers at " + path + ": " + reason());
  }
  return fd;
}

Result<MessageSocket> MessageSocket::connect(const std::string& path) {
  auto fd = connect_unix(path, SOCK_STREAM);
  if (!fd) return fd.error();
  return MessageSocket(std::move(*fd));
}

Status MessageSocket::send(std::string_view bytes, const std::vector<int>& fds) {
  if (bytes.size() > kMaxLength || fds.size() > kMaxFds) {
    return Error{ErrorCode::kInternal, "", "",
                 "message of " + std::to_string(bytes.size()) + " bytes is too large", ""};
  }
  const uint32_t length = htonl(static_cast<uint32_t>(bytes.size()));
  iovec parts[2] = {{const_cast<uint32_t*>(&length), sizeof length},
                    {const_cast<char*>(bytes.data()), bytes.size()}};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFds)] = {};
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(c), fds.data(), sizeof(int) * fds.size());
  }
  while (header.msg_iovlen > 0) {
    const ssize_t n = ::sendmsg(fd_.get(), &header, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      const bool is_blocking = (::fcntl(fd_.get(), F_GETFL) & O_NONBLOCK) == 0;
      if (is_blocking) return unavailable("the peer does not read");  // the socket has SO_SNDTIMEO
      pollfd writable{fd_.get(), POLLOUT, 0};
      ::poll(&writable, 1, -1);
      continue;
    }
    if (n < 0) return unavailable("send failed: " + reason());
    header.msg_control = nullptr;
    header.msg_controllen = 0;
    size_t sent = static_cast<size_t>(n);
    while (header.msg_iovlen > 0 && sent >= header.msg_iov->iov_len) {
      sent -= header.msg_iov->iov_len;
      ++header.msg_iov;
      --header.msg_iovlen;
    }
    if (header.msg_iovlen > 0) {
      header.msg_iov->iov_base = static_cast<char*>(header.msg_iov->iov_base) + sent;
      header.msg_iov->iov_len -= sent;
    }
  }
  return ok();
}

Result<Message> MessageSocket::receive(std::chrono::milliseconds timeout) {
  const auto deadline = timeout == std::chrono::milliseconds::max() ? Clock::time_point::max()
                                                                    : Clock::now() + timeout;
  Message message;
  uint32_t length = 0;
  if (auto read = read_exactly(fd_.get(), reinterpret_cast<char*>(&length), sizeof length,
                               message.fds, deadline);
      !read) {
    return read.error();
  }
  const size_t size = ntohl(length);
  if (size > kMaxLength)
    return unavailable("the peer announced a message of " + std::to_string(size) + " bytes");
  message.bytes.resize(size);
  if (auto read = read_exactly(fd_.get(), message.bytes.data(), size, message.fds, deadline); !read)
    return read.error();
  return message;
}

namespace {

Error taken(const std::string& path, std::string what) {
  return {ErrorCode::kConflict, "", "", path + " " + std::move(what),
          "choose another path, or remove it yourself"};
}

// Makes way for a socket at `path`. A socket of ours at which nobody listens any more is removed;
// a file, a socket of somebody else and one that somebody listens at are left alone. Only the
// socket itself tells: connecting is refused when nobody listens (unix(7)).
Status clear(const std::string& path, const sockaddr_un& address, int socket_type) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0)
    return errno == ENOENT ? ok() : Status(unavailable("cannot look at " + path + ": " + reason()));
  if (!S_ISSOCK(file.st_mode)) return taken(path, "is there already, and is no socket");
  if (file.st_uid != ::geteuid()) return taken(path, "is the socket of another user");
  const UniqueFd probe(::socket(AF_UNIX, socket_type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.valid()) return unavailable("socket failed: " + reason());
  const bool is_dead =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno == ECONNREFUSED;
  if (!is_dead) return taken(path, "is a socket at which another program listens");
  ::unlink(path.c_str());
  return ok();
}

}  // namespace

Result<UniqueFd> listen_unix(const std::string& path, unsigned mode, int socket_type) {
  auto address = address_of(path);
  if (!address) return address.error();
  UniqueFd fd(::socket(AF_UNIX, socket_type | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return unavailable("socket failed: " + reason());
  if (auto cleared = clear(path, *address, socket_type); !cleared) return cleared.error();
  // Bound and listening before it has its name: who sees the socket can connect to it.
  const std::string unnamed = path + ".new";
  address = address_of(unnamed);
  if (!address) return address.error();
  ::unlink(unnamed.c_str());
  const mode_t old_mask =
      ::umask(static_cast<mode_t>(~mode & 0777));  // no moment with wider rights
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
  const std::string why = reason();
  ::umask(old_mask);
  if (bound != 0) return unavailable("cannot listen at " + path + ": " + why);
  if (::listen(fd.get(), 64) != 0 || ::rename(unnamed.c_str(), path.c_str()) != 0) {
    const Error error = unavailable("cannot listen at " + path + ": " + reason());
    ::unlink(unnamed.c_str());
    return error;
  }
  return fd;
}

}  // namespace farspan
