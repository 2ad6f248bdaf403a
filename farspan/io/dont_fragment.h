// SPDX-License-Identifier: Apache-2.0
// DontFragment: whether what a socket sends next carries DF; asked of the kernel only when it
// changes.
//
// Either way the kernel goes by the interface's MTU alone and not by what ICMP said about the peer.
#pragma once

#include <netinet/in.h>

#include <optional>

#include "farspan/io/socket_option.h"

namespace farspan::io {

class DontFragment {
 public:
  /// False: the kernel refused.
  bool set(int fd, bool has_df) {
    if (has_df_ == has_df) return true;
    if (!set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, has_df ? IP_PMTUDISC_PROBE : IP_PMTUDISC_OMIT))
      return false;
    has_df_ = has_df;
    return true;
  }

 private:
  std::optional<bool> has_df_;
};

}  // namespace farspan::io
