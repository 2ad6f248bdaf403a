// SPDX-License-Identifier: Apache-2.0
// serve_http: one HTTP connection, from its first request to its end. Inside this folder only.
//
//   header ─▶ length and token judged ─▶ (100 Continue) ─▶ body ─▶ Rest ─▶ answer ─▶ next request
//                                              (on a pool)           └▶ watch: lines
//                                                                       until the client leaves
//
// A template over the stream, because a Unix socket and a TLS stream differ in type only;
// instantiated in http_session.cpp, so that only that file pays for Beast's parsers.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <functional>
#include <string>

#include "farspan/api/asked.h"
#include "farspan/api/rest.h"

namespace farspan::api {

namespace asio = boost::asio;

// What ends an asynchronous call: the coroutine goes on with the error code and the rest as a
// tuple.
inline constexpr auto kUse = asio::as_tuple(asio::use_awaitable);

using UnixStream = boost::beast::basic_stream<boost::asio::local::stream_protocol>;
using TlsStream = boost::asio::ssl::stream<boost::beast::tcp_stream>;

struct HttpLimits {
  static constexpr size_t kHeaderBytes = 16 << 10;
  static constexpr size_t kBodyBytes = 16 << 20;
  static constexpr std::chrono::seconds kHandshake{10};
  // for a request to arrive, and an answer to leave
  static constexpr std::chrono::seconds kRequest{30};
  static constexpr std::chrono::seconds kAnswer{60};  // for an answer to be made
  static constexpr std::chrono::seconds kIdle{120};   // between two requests
  static constexpr std::chrono::seconds kHeartbeat{5};
};

/// Who sends a request with this Authorization header; nothing: nobody known here.
using Recognise = std::function<std::optional<controller::Principal>(std::string_view)>;

/// Serves `stream` until the client is done, breaks a limit or the program stops. Every request is
/// judged by its own header, so that a token that is taken back is worth nothing from then on.
boost::asio::awaitable<void> serve_http(UnixStream& stream, const Rest& rest, Workers& workers,
                                        const Recognise& recognise);
boost::asio::awaitable<void> serve_http(TlsStream& stream, const Rest& rest, Workers& workers,
                                        const Recognise& recognise);

}  // namespace farspan::api
