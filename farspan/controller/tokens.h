// SPDX-License-Identifier: Apache-2.0
// Tokens: the secrets with which people and programs elsewhere show who they are (RFC 6750), and
// what each may do.
//
// A token has a name, a role and perhaps an end. The store has its SHA-256 only (it is
// 256 random bits, so nothing slower is needed): the secret is told once, to whoever made it. One
// that is taken back is unknown from then on, also to connections that are open (watch()).
//
// Threads: any.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/controller/principal.h"
#include "farspan/store/store.h"

namespace farspan::controller {

using WallTime = std::chrono::system_clock::time_point;

struct Token {
  std::string name;  // as that of a resource
  Role role = Role::kViewer;
  std::string created_by;
  int64_t created_at = 0;  // milliseconds since 1970
  int64_t expires_at = 0;  // 0: never
};

class Tokens {
 public:
  /// The notes of the store that are tokens, "token/ci".
  static bool is_token(std::string_view note);

  /// @param store  outlives it
  /// @param notes  of the store; kInvalid when one of a token cannot be read
  static Result<std::unique_ptr<Tokens>> open(store::Store& store,
                                              const std::map<std::string, std::string>& notes);

  /// Makes a token and returns its secret. kConflict when there is one of that name, kInvalid when
  /// the name is none or it would have ended already. @param wanted  its name, role and end
  Result<std::string> create(const Token& wanted, const Principal& by, WallTime now);

  /// Takes a secret that was made elsewhere, as create() would have made it.
  Status adopt(const Token& wanted, std::string_view secret, const Principal& by, WallTime now);

  /// kNotFound without such a token.
  Status revoke(const std::string& name, const Principal& by, WallTime now);

  /// By name; those that have ended too.
  std::vector<Token> list() const;

  /// Who bears `secret`; nothing when no token that stands has it.
  /// @param from  where the request comes from
  std::optional<Principal> bearer_of(std::string_view secret, std::string from, WallTime now) const;

  /// False when the token that `principal` showed was taken back or has ended since.
  bool still_stands(const Principal& principal, WallTime now) const;

  /// Calls `listener` after each revocation; it must not block.
  std::unique_ptr<store::Subscription> watch(std::function<void()> listener);

 private:
  struct Kept {
    Token token;
    std::string digest;
  };
  explicit Tokens(store::Store& store) : store_(store) {}

  store::Store& store_;
  mutable std::mutex mutex_;
  std::map<std::string, Kept> by_name_;
  std::map<std::string, std::string, std::less<>> names_;  // by digest
  store::Listeners listeners_;
};

}  // namespace farspan::controller
