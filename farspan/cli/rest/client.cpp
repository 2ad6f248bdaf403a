// SPDX-License-Identifier: Apache-2.0
#include "farspan/cli/rest/client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace farspan::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using LocalSocket = asio::local::stream_protocol::socket;

constexpr uint64_t kMaxAnswer = 256u << 20;

Error unreachable(const std::string& path, const std::string& why) {
  return {ErrorCode::kUnavailable, "", "", "the controller does not answer at " + path + ": " + why,
          "start farspan-controller, or name its socket with --controller or FARSPAN_CONTROLLER"};
}

http::request<http::string_body> make_request(http::verb verb, const std::string& target) {
  http::request<http::string_body> request{verb, target, 11};
  request.set(http::field::host, "farspan");
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
  boost::system::error_code failed;
  asio::io_context io;
  LocalSocket socket(io);
  socket.connect(asio::local::stream_protocol::endpoint(socket_path_), failed);
  if (failed) return unreachable(socket_path_, failed.message());

  auto request = make_request(http::string_to_verb(method), target);
  if (!body.empty()) request.set(http::field::content_type, content_type);
  request.body() = body;
  request.prepare_payload();
  // A controller that refuses a body does not read it to its end; its answer says why.
  http::write(socket, request, failed);
  if (failed && failed != asio::error::broken_pipe)
    return unreachable(socket_path_, failed.message());

  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMaxAnswer);
  http::read(socket, buffer, parser, failed);
  if (failed) return unreachable(socket_path_, failed.message());
  return Answer{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
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
  boost::system::error_code failed;
  asio::io_context io;
  LocalSocket socket(io);
  socket.connect(asio::local::stream_protocol::endpoint(socket_path_), failed);
  if (failed) return unreachable(socket_path_, failed.message());
  auto request = make_request(http::verb::get, target);
  http::write(socket, request, failed);
  if (failed) return unreachable(socket_path_, failed.message());

  beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  http::read_header(socket, buffer, parser, failed);
  if (failed) return unreachable(socket_path_, failed.message());

  std::string pending;
  char chunk[16384];
  while (!parser.is_done()) {
    parser.get().body().data = chunk;
    parser.get().body().size = sizeof chunk;
    http::read_some(socket, buffer, parser, failed);
    if (failed == http::error::need_buffer) failed = {};
    if (failed) return unreachable(socket_path_, failed.message());
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

Result<std::string> find_controller(const std::string& explicit_path) {
  namespace fs = std::filesystem;
  if (!explicit_path.empty()) return explicit_path;
  if (const char* path = std::getenv("FARSPAN_CONTROLLER"); path != nullptr && *path != '\0')
    return std::string(path);
  std::error_code ignored;
  const std::string installed = "/run/farspan/controller.sock";
  if (fs::exists(installed, ignored)) return installed;
  std::vector<std::string> labs;
  for (const auto& lab : fs::directory_iterator("/run/farspan-lab", ignored)) {
    const std::string socket = (lab.path() / "controller" / "api.sock").string();
    if (fs::exists(socket, ignored)) labs.push_back(socket);
  }
  if (labs.size() == 1) return labs.front();
  if (labs.empty()) {
    return Error{ErrorCode::kUnavailable, "", "",
                 "no controller is running here: no " + installed + " and no lab",
                 "start one with `farspan lab up examples/global-offices`, or name a socket with "
                 "--controller"};
  }
  return Error{ErrorCode::kConflict, "", "", std::to_string(labs.size()) + " labs are up",
               "name one with --controller " + labs.front()};
}

}  // namespace farspan::cli
