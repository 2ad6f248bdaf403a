// SPDX-License-Identifier: Apache-2.0
// HttpServer: HTTP/1.1 on a Unix socket, and over TLS with bearer tokens when asked for.
//
// What a client may take from us is bounded before it is known: connections, header and body
// lengths, and the time a request may need to arrive. The token is judged before the body is read.
//
// Not here: what is answered (rest.h).
// Threads: four of its own for connections; requests are worked on by two pools beside them
// (asked.h), so that no question keeps another client waiting.
// Standards: RFC 9110, 9112, 6750 §2.1.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "farspan/api/rest.h"

namespace farspan::api {

struct HttpOptions {
  std::string socket_path;  // mode 0600; an old socket there is replaced
  std::string listen;       // "127.0.0.1:8443"; empty: no HTTPS
  std::string key_pem, certificate_pem;
};

class HttpServer {
 public:
  static Result<std::unique_ptr<HttpServer>> start(const HttpOptions& options, const Rest& rest);
  ~HttpServer();

  /// Takes no more requests; true when nothing is being worked on any more after `patience`. What
  /// has not is nobody's any more: a change of it is made whole or not at all, as when the program
  /// is killed.
  bool stop(std::chrono::milliseconds patience);

 private:
  struct Running;
  explicit HttpServer(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

}  // namespace farspan::api
