// SPDX-License-Identifier: Apache-2.0
// Enrolments: which one-time tokens are out, and for which identity of which node?
//
// One file per token in <state>/enrolments, named by the token's SHA-256 and holding the identity
// (model/node.h: a revocation voids tokens too) and the time it ends: whoever reads the directory
// learns no token. Using a token is unlinking its file, which the kernel grants to one caller only,
// so a token works once even across a crash.
//
// Threads: any.
#pragma once

#include <chrono>
#include <string>

#include "farspan/base/result.h"

namespace farspan::controller {

class Enrolments {
 public:
  using Time = std::chrono::system_clock::time_point;
  static constexpr std::chrono::hours kLifetime{24};

  static Result<Enrolments> open(const std::string& state_directory);

  /// A new token for `identity`; tokens given out before for it stop working.
  Result<std::string> issue(const std::string& identity, Time now);

  /// Uses up `token`. kDenied when it is unknown, used, expired or another identity's; which, is
  /// not told.
  Status use(const std::string& token, const std::string& identity, Time now);

 private:
  explicit Enrolments(std::string directory) : directory_(std::move(directory)) {}
  Status drop_stale(const std::string& identity, Time now);

  std::string directory_;
};

}  // namespace farspan::controller
