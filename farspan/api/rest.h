// SPDX-License-Identifier: Apache-2.0
// Rest: which request gets which answer? docs/api.md in code, without sockets.
//
// One table of operations (rest.cpp) is both what is dispatched and what openapi.json is made from,
// so the description cannot promise what is not there.
//
// Not here: HTTP itself (http_server.h), what is in force (resource_status.h).
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/controller/certificate_authority.h"
#include "farspan/controller/controller.h"
#include "farspan/controller/enrolments.h"
#include "farspan/controller/node_reports.h"
#include "farspan/controller/principal.h"

namespace farspan::api {

struct Request {
  std::string method;                        // "GET"
  std::string path;                          // "/v1/resources/Vpc/us-east", still percent-encoded
  std::map<std::string, std::string> query;  // decoded
  std::string given_twice;                   // a name of the query, refused
  std::string body;
  controller::Principal principal;        // who asks
  std::string if_match, idempotency_key;  // of its header, RFC 9110 §13.1.1; empty: none
  std::stop_token stop;                   // nobody waits for the answer any more
};

struct Answer {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow;      // of a 405: the methods there are
  std::string etag = {};  // RFC 9110 §8.8.3; empty: none
};

/// The answer is a stream of changes after this revision (Rest::changes).
struct Watch {
  uint64_t after = 0;
};

struct Page;  // page.h

/// Values of the {names} of an operation's path, decoded, in order.
using PathValues = std::vector<std::string>;

class Rest {
 public:
  /// What the answers come from; all outlive the Rest.
  struct Sources {
    controller::Controller& controller;
    controller::NodeReports& reports;
    const controller::CertificateAuthority& authority;
    controller::Enrolments& enrolments;
    std::string advertised;  // HOST:PORT where agents connect
  };
  explicit Rest(Sources sources) : sources_(std::move(sources)) {}

  /// Blocks for as long as it takes. When `request.stop` is asked for meanwhile the answer is worth
  /// nothing; a change is then still made whole or not at all.
  std::variant<Answer, Watch> answer(const Request& request) const;

  /// The next lines of a watch and the revision they lead to; the lines end with '\n' and may be
  /// empty.
  struct Lines {
    std::string text;
    uint64_t revision = 0;
  };
  Result<Lines> changes(uint64_t after) const;
  controller::Controller& controller() const { return sources_.controller; }

  /// Splits "/v1/watch?revision=3" into path and decoded query; nothing when the encoding is
  /// malformed.
  static std::optional<Request> parse_target(std::string_view target);

 private:
  struct Operation;
  friend const std::vector<Operation>& operations();
  friend std::string make_openapi();

  Answer apply(const Request& request, const PathValues& values) const;
  Answer plan(const Request& request, const PathValues& values) const;
  Answer remove(const Request& request, const PathValues& values) const;
  Answer plan_remove(const Request& request, const PathValues& values) const;
  Answer list(const Request& request, const PathValues& values) const;
  Answer get(const Request& request, const PathValues& values) const;
  Answer rename(const Request& request, const PathValues& values) const;
  Answer remove_one(const Request& request, const PathValues& values) const;
  Answer routes(const Request& request, const PathValues& values) const;
  Answer tunnels(const Request& request, const PathValues& values) const;
  Answer flows(const Request& request, const PathValues& values) const;
  Answer nodes(const Request& request, const PathValues& values) const;
  Answer reachability(const Request& request, const PathValues& values) const;
  Answer export_connection(const Request& request, const PathValues& values) const;
  Answer enrol(const Request& request, const PathValues& values) const;
  Answer revoke(const Request& request, const PathValues& values) const;
  Answer audit(const Request& request, const PathValues& values) const;
  Answer tokens(const Request& request, const PathValues& values) const;
  Answer create_token(const Request& request, const PathValues& values) const;
  Answer revoke_token(const Request& request, const PathValues& values) const;
  Answer whoami(const Request& request, const PathValues& values) const;
  Answer ca(const Request& request, const PathValues& values) const;
  Answer version(const Request& request, const PathValues& values) const;
  Answer metrics(const Request& request, const PathValues& values) const;
  Answer openapi(const Request& request, const PathValues& values) const;

  /// What is published, or was when the list began that `page` goes on with.
  Result<std::shared_ptr<const controller::Published>> at_page(const Page& page) const;

  Sources sources_;
};

/// {"errors":[…]} with the status of the first error.
Answer refusal(const Errors& errors);
Answer refusal(const Error& error);

}  // namespace farspan::api
