// SPDX-License-Identifier: Apache-2.0
// RestClient: asks a controller, over its Unix socket or HTTPS.
//
// One connection per request: the command line makes a handful of them and the controller may
// restart in between. The API's error answers become the Error they were on the controller, so a
// refusal reads the same.
//
// Not here: which controller (contexts.h), what the answers look like (api/README.md).
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/cli/rest/controller_address.h"

namespace farspan::cli {

struct Answer {
  int http_status = 0;
  std::string body;
  bool ok() const { return http_status >= 200 && http_status < 300; }
  /// The faults in a refusal's body; one internal Error when the body is not of that shape.
  Errors errors() const;
};

class RestClient {
 public:
  /// @param socket_path  the controller's API socket
  explicit RestClient(std::string socket_path)
      : address_(ControllerAddress::local(std::move(socket_path))) {}
  explicit RestClient(ControllerAddress address) : address_(std::move(address)) {}

  /// Sends a request and waits for the whole answer. kUnavailable when nobody answers.
  Result<Answer> request(const std::string& method, const std::string& target,
                         const std::string& body = "",
                         const std::string& content_type = "application/yaml") const;

  /// GET, expecting JSON. The first fault when refused.
  Result<nlohmann::json> get(const std::string& target) const;

  /// GETs a stream of JSON lines and calls `line` for each until it returns false or the stream
  /// ends.
  Status stream(const std::string& target,
                const std::function<bool(const std::string&)>& line) const;

 private:
  ControllerAddress address_;
};

/// `text` percent-encoded for a path segment or query value (RFC 3986 §2.1).
std::string url_encoded(const std::string& text);

}  // namespace farspan::cli
