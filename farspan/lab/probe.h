// SPDX-License-Identifier: Apache-2.0
// Probes: one ICMP echo or one HTTP request, sent from inside a network namespace by real sockets.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "farspan/base/result.h"
#include "farspan/net/address.h"

namespace farspan::lab {

/// Runs `work` on a thread of its own that has entered `netns`. kNotFound when there is no such
/// namespace.
Status inside(const std::string& netns, const std::function<void()>& work);

struct Echo {
  net::Address answerer;
  bool is_reply =
      false;  // from the destination itself; else a router's ICMP error about the request
  double milliseconds = 0;
};

/// Sends one echo request with `ttl` and waits for its answer. Call inside(). RFC 792
std::optional<Echo> echo(const net::Address& to, int ttl, uint16_t sequence,
                         std::chrono::milliseconds patience);

/// GETs http://`to`/ and says whether an HTTP answer came. Call inside().
bool http_get(const net::Address& to, uint16_t port, std::chrono::milliseconds patience);

}  // namespace farspan::lab
