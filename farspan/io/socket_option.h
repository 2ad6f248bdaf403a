// SPDX-License-Identifier: Apache-2.0
// set_option, receive_messages and send_verdict: what the underlay sockets share.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <span>

#include "farspan/io/train.h"

namespace farspan::io {

inline bool set_option(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/// Socket buffers of `bytes`: beyond the system's limit with CAP_NET_ADMIN, up to it without.
inline void set_buffer_sizes(int fd, int bytes) {
  if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes))
    set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  if (!set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes))
    set_option(fd, SOL_SOCKET, SO_SNDBUF, bytes);
}

/// Receives what there is without waiting; each message's length is the one it had on the way. An
/// error is skipped, for it may stand before data, but not for ever: the descriptor stays readable.
/// @return how many; negative: none
inline int receive_messages(int fd, std::span<mmsghdr> messages) {
  constexpr int kAttempts = 4;
  int count = -1;
  for (int i = 0; i < kAttempts && count < 0; ++i) {
    count = ::recvmmsg(fd, messages.data(), static_cast<unsigned>(messages.size()),
                       MSG_DONTWAIT | MSG_TRUNC, nullptr);
    if (count < 0 && errno == EAGAIN) break;
  }
  return count;
}

/// What an errno of a send means for the train. EINVAL is how older kernels say that a UDP_SEGMENT
/// size does not fit the path MTU.
inline SendVerdict send_verdict(int error) {
  switch (error) {
    case EMSGSIZE:
    case EINVAL:
      return SendVerdict::kTooBig;
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
      return SendVerdict::kBusy;
    default:
      return SendVerdict::kUnreachable;
  }
}

}  // namespace farspan::io
