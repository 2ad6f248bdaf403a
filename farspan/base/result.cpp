// SPDX-License-Identifier: Apache-2.0
#include "farspan/base/result.h"

#include <cstdio>
#include <cstdlib>

namespace farspan {

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "farspan: broken invariant: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kDenied:
      return "denied";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

std::string Error::text() const {
  std::string text = resource;
  if (!text.empty()) text += ": ";
  if (!field.empty()) text += field + " ";
  text += what;
  if (!remedy.empty()) text += "; " + remedy;
  return text;
}

}  // namespace farspan
