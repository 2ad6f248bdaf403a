// SPDX-License-Identifier: Apache-2.0
// HttpServer: HTTP/1.1 on a Unix socket, and over TLS with a bearer token when asked for.
//
// What a client may take from us is bounded before it is known: connections, header and body
// lengths, and the time a request may need to arrive. The token is judged before the body is read.
//
// Not here: what is answered (rest.h).
// Threads: four of its own.
// Standards: RFC 9110, 9112, 6750 §2.1.
#pragma once

#include <memory>
#include <string>

#include "farspan/api/rest.h"

namespace farspan::api {

struct HttpOptions {
  std::string socket_path;  // mode 0600; an old socket there is replaced
  std::string listen;       // "127.0.0.1:8443"; empty: no HTTPS
  std::string key_pem, certificate_pem;
  std::string token;
};

class HttpServer {
 public:
  static Result<std::unique_ptr<HttpServer>> start(const HttpOptions& options, const Rest& rest);
  ~HttpServer();

 private:
  struct Running;
  explicit HttpServer(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

}  // namespace farspan::api
