// SPDX-License-Identifier: Apache-2.0
// ControllerAddress: how one controller is reached: its Unix socket, or HTTPS with a token.
//
// Not here: which controller a command means (contexts.h), asking it (client.h).
#pragma once

#include <string>

#include "farspan/base/result.h"

namespace farspan::cli {

struct ControllerAddress {
  std::string socket_path;  // local; empty: the rest says where
  std::string host, port;   // of https://HOST:PORT
  std::string ca_pem;       // the only authority its certificate may come from
  std::string token;        // RFC 6750; never printed

  static ControllerAddress local(std::string path) { return {std::move(path), "", "", "", ""}; }
  bool is_local() const { return !socket_path.empty(); }
  /// The socket's path or the URL: what people may read.
  std::string text() const;
};

/// `url` as host and port (443 unless given; RFC 3986 §3.2, IPv6 literals in brackets).
/// kInvalid when it is no https:// URL or has a path.
Result<ControllerAddress> parse_url(const std::string& url);

}  // namespace farspan::cli
