// SPDX-License-Identifier: Apache-2.0
// Connection: an open stream to a controller, local or TLS, given to whoever speaks HTTP over it.
//
// A template over what is done, because the two streams share no base. TLS 1.2 or newer, the one
// authority of the context, and the host's own name (RFC 9110 §4.3.4, RFC 9525).
#pragma once

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "farspan/base/result.h"
#include "farspan/cli/rest/controller_address.h"

namespace farspan::cli {

constexpr std::chrono::seconds kConnectTime{10};

inline Error unreachable(const ControllerAddress& address, const std::string& why) {
  return {
      ErrorCode::kUnavailable, "", "",
      "the controller does not answer at " + address.text() + ": " + why,
      address.is_local()
          ? "start farspan-controller, or name its socket with --controller or FARSPAN_CONTROLLER"
          : "is farspan-controller running there with --api-listen, and is the port open?"};
}

/// Connects `socket` to the address's host, for kConnectTime at most.
inline Status connect_tcp(boost::asio::io_context& io, boost::asio::ip::tcp::socket& socket,
                          const ControllerAddress& address) {
  namespace asio = boost::asio;
  boost::system::error_code failed;
  const auto endpoints = asio::ip::tcp::resolver(io).resolve(address.host, address.port, failed);
  if (failed) return unreachable(address, failed.message());
  std::optional<boost::system::error_code> done;
  asio::async_connect(socket, endpoints,
                      [&](const boost::system::error_code& error, const auto&) { done = error; });
  io.run_for(kConnectTime);
  if (!done) return unreachable(address, "no answer for 10 s");
  if (*done) return unreachable(address, done->message());
  return ok();
}

/// Calls `use(stream)` with an open stream and returns what it returns, which an Error must convert
/// to.
template <class Use>
auto with_connection(const ControllerAddress& address, Use use) {
  namespace asio = boost::asio;
  using Outcome = decltype(use(std::declval<asio::local::stream_protocol::socket&>()));
  boost::system::error_code failed;
  asio::io_context io;
  if (address.is_local()) {
    asio::local::stream_protocol::socket socket(io);
    socket.connect(asio::local::stream_protocol::endpoint(address.socket_path), failed);
    if (failed) return Outcome(unreachable(address, failed.message()));
    return use(socket);
  }
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  tls.set_verify_mode(asio::ssl::verify_peer);
  tls.add_certificate_authority(asio::buffer(address.ca_pem), failed);
  if (failed)
    return Outcome(unreachable(address, "its authority is not readable: " + failed.message()));
  asio::ssl::stream<asio::ip::tcp::socket> stream(io, tls);
  if (auto connected = connect_tcp(io, stream.next_layer(), address); !connected)
    return Outcome(connected.error());
  SSL_set_tlsext_host_name(stream.native_handle(), address.host.c_str());
  stream.set_verify_callback(asio::ssl::host_name_verification(address.host));
  stream.handshake(asio::ssl::stream_base::client, failed);
  if (failed) {
    return Outcome(Error{ErrorCode::kUnavailable, "", "",
                         address.text() + " is not trusted: " + failed.message(),
                         "log in again if its authority or its name changed"});
  }
  return use(stream);
}

}  // namespace farspan::cli
