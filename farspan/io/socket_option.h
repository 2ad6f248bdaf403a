// SPDX-License-Identifier: Apache-2.0
// set_option and send_verdict: what the underlay sockets share.
#pragma once

#include <sys/socket.h>

#include <cerrno>

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
