// SPDX-License-Identifier: Apache-2.0
#include "farspan/cli/rest/client.h"

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

#include "farspan/cli/rest/connection.h"

namespace farspan::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr uint64_t kMaxAnswer = 256u << 20;

http::request<http::string_body> make_request(const ControllerAddress& address, http::verb verb,
                                              const std::string& target) {
  http::request<http::string_body> request{verb, target, 11};
  request.set(http::field::host, address.is_local() ? "farspan" : address.text().substr(8));
  if (!address.token.empty()) request.set(http::field::authorization, "Bearer " + address.token);
  request.set(http::field::user_agent, "farspan");
  return request;
}

ErrorCode code_named(const std::string& name) {
  for (const ErrorCode code : {ErrorCode::kInvalid, ErrorCode::kNotFound, ErrorCode::kConflict,
                               ErrorCode::kDenied, ErrorCode::kUnavailable}) {
    if (name == to_string(code)) return code;
  }
  return ErrorCode::kInternal;
}

}  // namespace

Errors Answer::errors() const {
  Errors errors;
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_object() && json.contains("errors") && json["errors"].is_array()) {
    for (const auto& row : json["errors"]) {
      errors.push_back({code_named(row.value("code", "")), row.value("resource", ""),
                        row.value("field", ""), row.value("what", ""), row.value("remedy", "")});
    }
  }
  if (errors.empty()) {
    errors.push_back({ErrorCode::kInternal, "", "",
                      "the controller answered HTTP " + std::to_string(http_status), ""});
  }
  return errors;
}

Result<Answer> RestClient::request(const std::string& method, const std::string& target,
                                   const std::string& body, const std::string& content_type) const {
  return with_connection(address_, [&](auto& stream) -> Result<Answer> {
    boost::system::error_code failed;
    auto request = make_request(address_, http::string_to_verb(method), target);
    if (!body.empty()) request.set(http::field::content_type, content_type);
    request.body() = body;
    request.prepare_payload();
    // A controller that refuses a body does not read it to its end; its answer says why.
    http::write(stream, request, failed);
    if (failed && failed != asio::error::broken_pipe)
      return unreachable(address_, failed.message());

    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMaxAnswer);
    http::read(stream, buffer, parser, failed);
    if (failed) return unreachable(address_, failed.message());
    return Answer{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
  });
}

Result<nlohmann::json> RestClient::get(const std::string& target) const {
  auto answer = request("GET", target);
  if (!answer) return answer.error();
  if (!answer->ok()) return answer->errors().front();
  auto json = nlohmann::json::parse(answer->body, nullptr, false);
  if (json.is_discarded())
    return Error{ErrorCode::kInternal, "", "",
                 "the controller's answer to " + target + " is not JSON", ""};
  return json;
}

Status RestClient::stream(const std::string& target,
                          const std::function<bool(const std::string&)>& line) const {
  return with_connection(address_, [&](auto& stream) -> Status {
    boost::system::error_code failed;
    auto request = make_request(address_, http::verb::get, target);
    http::write(stream, request, failed);
    if (failed) return unreachable(address_, failed.message());

    beast::flat_buffer buffer;
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    http::read_header(stream, buffer, parser, failed);
    if (failed) return unreachable(address_, failed.message());

    std::string pending;
    char chunk[16384];
    while (!parser.is_done()) {
      parser.get().body().data = chunk;
      parser.get().body().size = sizeof chunk;
      http::read_some(stream, buffer, parser, failed);
      if (failed == http::error::need_buffer) failed = {};
      if (failed) return unreachable(address_, failed.message());
      pending.append(chunk, sizeof chunk - parser.get().body().size);
      if (parser.get().result_int() >= 300) continue;
      for (size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
        if (!line(pending.substr(0, end))) return farspan::ok();
        pending.erase(0, end + 1);
      }
    }
    if (parser.get().result_int() >= 300)
      return Answer{static_cast<int>(parser.get().result_int()), pending}.errors().front();
    return farspan::ok();
  });
}

std::string url_encoded(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_unreserved = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                               (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ||
                               byte == '.' || byte == '~';
    if (is_unreserved) {
      encoded += c;
    } else {
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

}  // namespace farspan::cli
