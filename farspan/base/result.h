// SPDX-License-Identifier: Apache-2.0
// Result: a value, or an Error that a person can act on.
//
// Control-side code returns Result instead of throwing: a refusal is data that travels unchanged
// from the model to the API answer and the terminal. The four parts of Error are the four parts of
// every refusal Farspan prints: which resource, which field, which value is wrong, what to do.
//
// Not here: the packet path, which has verdicts and drop reasons (dataplane/drop_reason.h).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "farspan/base/check.h"

namespace farspan {

enum class ErrorCode : uint8_t {
  kInvalid,      // the request itself is wrong: malformed, out of range, contradicts the model
  kNotFound,     // it names something that does not exist
  kConflict,     // it would be right at another time or with another revision
  kDenied,       // the caller may not do this
  kUnavailable,  // a peer, a daemon or a disk does not answer
  kInternal,     // a defect of Farspan
};

/// The snake_case word used on the wire and in the terminal ("invalid", "not_found", …).
const char* to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string resource;  // "IpsecConnection office-2", or empty when no resource is meant
  std::string field;     // "remote_subnets", dotted for nested fields; may be empty
  std::string what;      // what is wrong, with the value: "10.10.10.0/24 overlaps …"
  std::string remedy;    // what to do next; may be empty only for kInternal and kUnavailable

  /// "IpsecConnection office-2: remote_subnets 10.10.10.0/24 overlaps …; choose another prefix".
  std::string text() const;
  bool operator==(const Error&) const = default;
};

using Errors = std::vector<Error>;

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    FS_CHECK(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    FS_CHECK(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    FS_CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    FS_CHECK(!ok());
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

/// Result of something done for its effect: `return ok();` or an Error.
struct Done {};
using Status = Result<Done>;
inline Status ok() { return Done{}; }

}  // namespace farspan
