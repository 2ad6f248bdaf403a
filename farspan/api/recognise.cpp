// SPDX-License-Identifier: Apache-2.0
#include "farspan/api/recognise.h"

#include <pwd.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace farspan::api {
namespace {

// "ann (uid 1000)", "uid 1000" for a user without a name.
std::string user_text(uid_t uid) {
  const std::string number = "uid " + std::to_string(uid);
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return number;
  return std::string(found->pw_name) + " (" + number + ")";
}

}  // namespace

controller::Principal local_admin(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  const bool is_known = ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  return {is_known ? user_text(peer.uid) : "a local user",
          "the Unix socket",
          controller::Role::kAdmin,
          {}};
}

std::optional<controller::Principal> bearer_of(std::string_view authorization,
                                               const std::string& from,
                                               const controller::Tokens& tokens) {
  constexpr std::string_view kScheme = "bearer ";
  const auto is_same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  };
  if (authorization.size() <= kScheme.size() ||
      !std::equal(kScheme.begin(), kScheme.end(), authorization.begin(),
                  [&](char wanted, char found) { return is_same(found, wanted); }))
    return std::nullopt;
  return tokens.bearer_of(authorization.substr(kScheme.size()), from,
                          std::chrono::system_clock::now());
}

void RefusedTokens::say(const std::string& from) {
  constexpr std::chrono::seconds kBetween{10};
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  ++unsaid_;
  if (now < next_) return;
  spdlog::warn("{} requests were refused for want of a token that stands, the last from {}",
               unsaid_, from);
  unsaid_ = 0;
  next_ = now + kBetween;
}

}  // namespace farspan::api
