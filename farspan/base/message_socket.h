// SPDX-License-Identifier: Apache-2.0
// MessageSocket: whole messages, and the file descriptors that travel with them, over a Unix stream
// socket.
//
// A frame is a 4-byte big-endian length and that many bytes; descriptors ride on the frame's first
// byte (SCM_RIGHTS). A stream and not SOCK_SEQPACKET because a snapshot can exceed any datagram
// limit.
//
// Threads: one reader and one writer at a time; blocking unless a timeout is given.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/base/unique_fd.h"

namespace farspan {

struct Message {
  std::string bytes;
  std::vector<UniqueFd> fds;
};

class MessageSocket {
 public:
  static constexpr size_t kMaxLength = 256u
                                       << 20;  // longer frames are refused: the peer is not ours
  static constexpr size_t kMaxFds = 64;        // per message; the kernel allows 253

  explicit MessageSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  /// Connects to the listening socket at `path`. kUnavailable when nobody listens.
  static Result<MessageSocket> connect(const std::string& path);

  int fd() const { return fd_.get(); }

  /// Sends one message; the descriptors are duplicated into the peer and stay open here.
  Status send(std::string_view bytes, const std::vector<int>& fds = {});
  /// Waits for the next message. kUnavailable when the peer is gone or `timeout` passes first.
  Result<Message> receive(std::chrono::milliseconds timeout = std::chrono::milliseconds::max());

 private:
  UniqueFd fd_;
};

/// A listening Unix stream socket at `path` with file mode `mode`; an old socket file there is
/// replaced.
Result<UniqueFd> listen_unix(const std::string& path, unsigned mode, int socket_type);

/// A blocking socket of `socket_type` that is connected to the one listening at `path`.
/// kUnavailable when nobody listens.
Result<UniqueFd> connect_unix(const std::string& path, int socket_type);

}  // namespace farspan
