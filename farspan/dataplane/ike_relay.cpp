// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ike_relay.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "farspan/base/message_socket.h"
#include "farspan/ike/protocol.h"

namespace farspan::dataplane {
namespace {

constexpr int kSocketBufferBytes = 1 << 20;

fs_host to_host(const io::Endpoint& endpoint) {
  fs_host host{};
  host.family = AF_INET;
  host.port = endpoint.port;
  const uint32_t address = htonl(endpoint.address);
  std::memcpy(host.address, &address, sizeof address);
  return host;
}

std::optional<io::Endpoint> to_endpoint(const fs_host& host) {
  if (host.family != AF_INET) return std::nullopt;
  uint32_t address;
  std::memcpy(&address, host.address, sizeof address);
  return io::Endpoint{ntohl(address), host.port};
}

bool has_room_for_strangers(int fd) {
  int waiting = 0, limit = 0;
  socklen_t length = sizeof limit;
  return ::ioctl(fd, SIOCOUTQ, &waiting) == 0 &&
         ::getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &limit, &length) == 0 && waiting <= limit / 4;
}

}  // namespace

IkeRelay::IkeRelay(UniqueFd listener, std::string path)
    : listener_(std::move(listener)),
      path_(std::move(path)),
      buffer_(sizeof(fs_ike_header) + FS_IKE_MAX_DATAGRAM) {}

IkeRelay::~IkeRelay() {
  if (listener_.valid()) ::unlink(path_.c_str());
}

Result<IkeRelay> IkeRelay::listen(const std::string& path) {
  auto listener = listen_unix(path, 0660, SOCK_SEQPACKET);
  if (!listener.ok()) return listener.error();
  return IkeRelay(std::move(*listener), path);
}

void IkeRelay::accept() {
  UniqueFd newer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!newer.valid()) return;
  ::setsockopt(newer.get(), SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
  charon_ = std::move(newer);
}

std::optional<DropReason> IkeRelay::deliver(const IkeDatagram& datagram, bool is_peer) {
  if (!charon_.valid()) return DropReason::kIkeUnavailable;
  if (!is_peer && !has_room_for_strangers(charon_.get())) return DropReason::kIkeBusy;
  fs_ike_header header{};
  header.source = to_host(datagram.source);
  header.destination = to_host(datagram.destination);
  header.dscp = datagram.dscp;
  std::array<iovec, 2> vectors = {
      {{&header, sizeof header}, {datagram.payload.data(), datagram.payload.size()}}};
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = vectors.size();
  if (::sendmsg(charon_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return std::nullopt;
  if (errno != EPIPE && errno != ECONNRESET) return DropReason::kIkeBusy;
  charon_.reset();
  return DropReason::kIkeUnavailable;
}

std::optional<IkeDatagram> IkeRelay::next() {
  while (charon_.valid()) {
    const ssize_t length =
        ::recv(charon_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && errno == EAGAIN) return std::nullopt;
    if (length <= 0) {
      charon_.reset();
      return std::nullopt;
    }
    const size_t size = static_cast<size_t>(length);
    if (size < sizeof(fs_ike_header) || size > buffer_.size()) continue;
    fs_ike_header header;
    std::memcpy(&header, buffer_.data(), sizeof header);
    const auto source = to_endpoint(header.source), destination = to_endpoint(header.destination);
    if (!source || !destination) continue;
    if (header.is_refused != 0) return IkeDatagram{*source, *destination, 0, {}, true};
    if (size == sizeof header || (source->port != 500 && source->port != 4500)) continue;
    return IkeDatagram{*source, *destination, static_cast<uint8_t>(header.dscp & 0x3F),
                       std::span(buffer_).subspan(sizeof header, size - sizeof header)};
  }
  return std::nullopt;
}

}  // namespace farspan::dataplane
