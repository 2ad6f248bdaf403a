// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/peer_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "farspan/base/release.h"

namespace farspan::controller {
namespace {

constexpr int kBacklog = 1024;  // waiting while accepting pauses; the kernel has its own limit

Error cannot_listen(const std::string& address, const std::string& why) {
  return {ErrorCode::kUnavailable, "controller", "--listen",
          "cannot listen on " + address + ": " + why,
          "choose an address of this machine and a free port"};
}

std::optional<uint16_t> port_from(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// gRPC escapes what a URI does not allow (RFC 3986 §2.1): "%5B", and "%25eth0" of a zone.
std::string without_brackets_and_zone(const std::string& host) {
  std::string address;
  for (size_t i = 0; i < host.size(); ++i) {
    if (host[i] == '[' || host[i] == ']') continue;
    if (host[i] != '%') {
      address += host[i];
    } else if (host.compare(i, 3, "%5B") == 0 || host.compare(i, 3, "%5D") == 0) {
      i += 2;
    } else {
      break;
    }
  }
  return address;
}

}  // namespace

Peer peer_of(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    return {net::Address::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
  std::array<uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    uint32_t last = 0;
    std::memcpy(&last, bytes.data() + 12, sizeof last);
    return {net::Address::v4(ntohl(last)), ntohs(v6.sin6_port)};
  }
  return {net::Address::v6(bytes), ntohs(v6.sin6_port)};
}

std::optional<Peer> peer_of(const std::string& grpc_words) {
  const size_t host = grpc_words.find(':') + 1, end = grpc_words.rfind(':');
  if (host == 0 || end == std::string::npos || end < host) return std::nullopt;
  const auto address =
      net::Address::parse(without_brackets_and_zone(grpc_words.substr(host, end - host)));
  const auto port = port_from(std::string_view(grpc_words).substr(end + 1));
  if (!address || !port) return std::nullopt;
  return Peer{*address, *port};
}

Result<UniqueFd> listen_on(const std::string& host_and_port) {
  const size_t colon = host_and_port.rfind(':');
  std::string host = host_and_port.substr(0, colon == std::string::npos ? 0 : colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  const std::string port = colon == std::string::npos ? "" : host_and_port.substr(colon + 1);
  if (!port_from(port) || host.empty())
    return cannot_listen(host_and_port, "it is not of the form ADDRESS:PORT");
  addrinfo hints{}, *raw = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  if (const int failed = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &raw); failed != 0)
    return cannot_listen(host_and_port, ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, Release<freeaddrinfo>> found(raw);

  UniqueFd listener(
      ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  const int on = 1, off = 0;  // an address in TIME_WAIT is taken; one that is listened on is not
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (found->ai_family == AF_INET6)
    ::setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (!listener.valid() || ::bind(listener.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(listener.get(), kBacklog) != 0)
    return cannot_listen(host_and_port, std::strerror(errno));
  return listener;
}

}  // namespace farspan::controller
