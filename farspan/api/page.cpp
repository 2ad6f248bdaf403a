// SPDX-License-Identifier: Apache-2.0
#include "farspan/api/page.h"

#include <charconv>

namespace farspan::api {
namespace {

template <class Number>
bool read(std::string_view text, Number& number) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size();
}

Error bad(const Request& request, const char* field, std::string what, std::string remedy) {
  return {ErrorCode::kInvalid, request.method + " " + request.path, field, std::move(what),
          std::move(remedy)};
}

}  // namespace

Error no_continuation(const Request& request) {
  return bad(request, "continue", "is not what an answer said to continue with",
             "repeat the word of the answer as it is");
}

Result<Page> page_of(const Request& request) {
  Page page;
  if (const auto limit = request.query.find("limit"); limit != request.query.end()) {
    if (!read(limit->second, page.limit) || page.limit == 0)
      return bad(request, "limit", limit->second.substr(0, 32) + " is not a number from 1 on",
                 "give how many rows a page has, such as 500");
  }
  if (const auto from = request.query.find("continue"); from != request.query.end()) {
    const std::string_view text = from->second;
    const size_t dot = text.find('.');
    uint64_t revision = 0;
    if (!text.starts_with('r') || dot == std::string_view::npos ||
        !read(text.substr(1, dot - 1), revision))
      return no_continuation(request);
    page.revision = revision;
    page.after = text.substr(dot + 1);
  }
  return page;
}

std::string continuation(uint64_t revision, const std::string& last) {
  return "r" + std::to_string(revision) + "." + last;
}

}  // namespace farspan::api
