// SPDX-License-Identifier: Apache-2.0
// Recognise: who is at the other end of a connection? Inside this folder only.
//
// Threads: any.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "farspan/controller/principal.h"
#include "farspan/controller/tokens.h"

namespace farspan::api {

/// The peer of a Unix socket, whom the modes of the socket let in: an admin, by its user.
controller::Principal local_admin(int socket);

/// Who bears the token of an Authorization header (RFC 6750 §2.1); nothing when it is none that
/// stands.
std::optional<controller::Principal> bearer_of(std::string_view authorization,
                                               const std::string& from,
                                               const controller::Tokens& tokens);

/// Says in the log that requests are refused for their token: at once, then at most every ten
/// seconds and with their number, since strangers decide how many there are.
class RefusedTokens {
 public:
  void say(const std::string& from);

 private:
  std::mutex mutex_;
  std::chrono::steady_clock::time_point next_;
  size_t unsaid_ = 0;
};

}  // namespace farspan::api
