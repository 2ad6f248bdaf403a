// SPDX-License-Identifier: Apache-2.0
#include "farspan/io/udp_underlay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "farspan/io/landing.h"
#include "farspan/io/socket_option.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace farspan::io {
namespace {

constexpr int kSocketBufferBytes = 16 << 20;

using ReceiveControl =
    std::array<uint8_t, CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(int)) * 2 + 16>;
using SendControl = std::array<uint8_t, CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(int)) +
                                            CMSG_SPACE(sizeof(uint16_t))>;

template <class T>
T read_as(const cmsghdr* control) {
  T value;
  std::memcpy(&value, CMSG_DATA(control), sizeof value);
  return value;
}

template <class T>
cmsghdr* append(msghdr& message, cmsghdr* at, int level, int type, const T& value) {
  at->cmsg_level = level;
  at->cmsg_type = type;
  at->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(at), &value, sizeof value);
  message.msg_controllen += CMSG_SPACE(sizeof value);
  return reinterpret_cast<cmsghdr*>(reinterpret_cast<uint8_t*>(at) + CMSG_SPACE(sizeof value));
}

}  // namespace

struct UdpUnderlay::Buffers {
  std::array<Landing, kReceiveBuffers> landings;
  std::array<mmsghdr, kReceiveBuffers> messages{};
  std::array<std::array<iovec, 2>, kReceiveBuffers> vectors{};
  std::array<sockaddr_in, kReceiveBuffers> sources{};
  alignas(cmsghdr) std::array<ReceiveControl, kReceiveBuffers> controls{};
  std::array<LandedTrain, kReceiveBuffers> trains;

  std::array<mmsghdr, kSendTrains> send_messages{};
  std::array<iovec, kSendTrains> send_vectors{};
  std::array<sockaddr_in, kSendTrains> destinations{};
  alignas(cmsghdr) std::array<SendControl, kSendTrains> send_controls{};
};

static_assert(sizeof(ReceiveControl) % alignof(cmsghdr) == 0 &&
              sizeof(SendControl) % alignof(cmsghdr) == 0);

UdpUnderlay::UdpUnderlay(UniqueFd fd, uint16_t port)
    : fd_(std::move(fd)), port_(port), buffers_(std::make_unique<Buffers>()) {}
UdpUnderlay::UdpUnderlay(UdpUnderlay&&) noexcept = default;
UdpUnderlay& UdpUnderlay::operator=(UdpUnderlay&&) noexcept = default;
UdpUnderlay::~UdpUnderlay() = default;

Result<UdpUnderlay> UdpUnderlay::open(uint16_t port) {
  const std::string where = "UDP port " + std::to_string(port);
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Error{ErrorCode::kUnavailable, where, "", std::strerror(errno), ""};
  set_buffer_sizes(fd.get(), kSocketBufferBytes);
  const bool is_set = set_option(fd.get(), SOL_UDP, UDP_GRO, 1) &&
                      set_option(fd.get(), IPPROTO_IP, IP_PKTINFO, 1) &&
                      set_option(fd.get(), IPPROTO_IP, IP_RECVTOS, 1) &&
                      DontFragment().set(fd.get(), false);
  if (!is_set) {
    return Error{ErrorCode::kUnavailable, where, "",
                 std::string("the kernel lacks a UDP option: ") + std::strerror(errno),
                 "use Linux 5.10 or newer"};
  }
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_port = htons(port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
    return Error{
        ErrorCode::kUnavailable, where, "", std::strerror(errno),
        "end the program that owns the port; the data plane owns 500 and 4500 of its namespace"};
  }
  return UdpUnderlay(std::move(fd), port);
}

std::span<LandedTrain> UdpUnderlay::receive(BufferPool& pool) {
  Buffers& b = *buffers_;
  unsigned ready = 0;
  while (ready < kReceiveBuffers && b.landings[ready].prepare(pool)) ++ready;
  // Without any: one datagram is received into nothing, so that it is counted and the socket moves.
  for (unsigned i = 0; i < std::max(ready, 1u); ++i) {
    b.vectors[i] = b.landings[i].vectors();
    msghdr& header = b.messages[i].msg_hdr;
    header.msg_name = &b.sources[i];
    header.msg_namelen = sizeof b.sources[i];
    header.msg_iov = b.vectors[i].data();
    header.msg_iovlen = b.vectors[i].size();
    header.msg_control = b.controls[i].data();
    header.msg_controllen = b.controls[i].size();
    header.msg_flags = 0;
  }
  // An error that an ICMP message left on the socket is reported once instead of data: ask again.
  const int count = receive_messages(fd_.get(), {b.messages.data(), std::max(ready, 1u)});
  if (count < 0) return {};

  for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
    Train& train = b.trains[i].train;
    train = {};
    train.source = {ntohl(b.sources[i].sin_addr.s_addr), ntohs(b.sources[i].sin_port)};
    train.destination.port = port_;
    Landed landed = b.landings[i].take(b.messages[i].msg_len);
    train.bytes = landed.bytes.data();
    b.trains[i].buffer = std::move(landed.buffer);
    train.length = b.messages[i].msg_len;
    train.segment_size = train.length;
    msghdr& header = b.messages[i].msg_hdr;
    for (const cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr;
         c = CMSG_NXTHDR(&header, const_cast<cmsghdr*>(c))) {
      if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
        train.segment_size = static_cast<uint32_t>(read_as<int>(c));
      } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
        train.destination.address = ntohl(read_as<in_pktinfo>(c).ipi_addr.s_addr);
      } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
        train.tos = read_as<uint8_t>(c);
      }
    }
  }
  return {b.trains.data(), static_cast<size_t>(count)};
}

void UdpUnderlay::send(std::span<const Train> trains, std::span<SendVerdict> verdicts) {
  for (; trains.size() > kSendTrains; trains = trains.subspan(kSendTrains)) {
    send(trains.first(kSendTrains), verdicts);
    verdicts = verdicts.subspan(kSendTrains);
  }
  Buffers& b = *buffers_;
  for (size_t i = 0; i < trains.size(); ++i) {
    const Train& train = trains[i];
    b.destinations[i] = {};
    b.destinations[i].sin_family = AF_INET;
    b.destinations[i].sin_port = htons(train.destination.port);
    b.destinations[i].sin_addr.s_addr = htonl(train.destination.address);
    b.send_vectors[i] = {train.bytes, train.length};
    msghdr& header = b.send_messages[i].msg_hdr;
    header = {};
    header.msg_name = &b.destinations[i];
    header.msg_namelen = sizeof b.destinations[i];
    header.msg_iov = &b.send_vectors[i];
    header.msg_iovlen = 1;
    header.msg_control = b.send_controls[i].data();
    auto* at = reinterpret_cast<cmsghdr*>(b.send_controls[i].data());
    if (train.source.address != 0) {
      in_pktinfo from{};
      from.ipi_spec_dst.s_addr = htonl(train.source.address);
      at = append(header, at, IPPROTO_IP, IP_PKTINFO, from);
    }
    at = append(header, at, IPPROTO_IP, IP_TOS, int{train.tos});
    if (train.segment_size < train.length) {
      append(header, at, SOL_UDP, UDP_SEGMENT, static_cast<uint16_t>(train.segment_size));
    }
  }
  for (size_t first = 0; first < trains.size();) {
    size_t end = first + 1;
    while (end < trains.size() && trains[end].may_fragment == trains[first].may_fragment) ++end;
    if (dont_fragment_.set(fd_.get(), !trains[first].may_fragment)) {
      send_alike(trains.first(end), first, verdicts);
    } else {
      std::fill(verdicts.begin() + static_cast<ptrdiff_t>(first),
                verdicts.begin() + static_cast<ptrdiff_t>(end), SendVerdict::kBusy);
    }
    first = end;
  }
}

// Those from `first` on, which are all with DF or all without.
void UdpUnderlay::send_alike(std::span<const Train> trains, size_t first,
                             std::span<SendVerdict> verdicts) {
  Buffers& b = *buffers_;
  size_t next = first;
  bool has_retried = false;
  while (next < trains.size()) {
    const int count = ::sendmmsg(fd_.get(), b.send_messages.data() + next,
                                 static_cast<unsigned>(trains.size() - next), MSG_DONTWAIT);
    if (count > 0) {
      for (int i = 0; i < count; ++i) verdicts[next++] = SendVerdict::kSent;
      has_retried = false;
    } else if (errno == ECONNREFUSED && !has_retried) {
      has_retried = true;  // an older datagram's ICMP error, not this one's
    } else if (errno == EIO && trains[next].packet_count() > 1) {
      verdicts[next] = send_in_parts(next, trains[next], 1);
      ++next;
    } else if (errno == EINVAL && trains[next].packet_count() > kSafeTrainPackets) {
      verdicts[next] = send_in_parts(next, trains[next], kSafeTrainPackets);
      ++next;
    } else if (errno != EINTR) {
      verdicts[next++] = send_verdict(errno);
      has_retried = false;
    }
  }
}

// Kernels before 6.11 refuse UDP_SEGMENT (EIO) on a device that cannot compute checksums, older
// ones more than 64 segments (EINVAL).
SendVerdict UdpUnderlay::send_in_parts(size_t index, const Train& train,
                                       uint32_t packets_per_part) {
  msghdr header = buffers_->send_messages[index].msg_hdr;
  if (packets_per_part == 1)
    header.msg_controllen -= CMSG_SPACE(sizeof(uint16_t));  // the last one: UDP_SEGMENT
  const uint32_t part_length = packets_per_part * train.segment_size;
  SendVerdict worst = SendVerdict::kSent;
  for (uint32_t at = 0; at < train.length; at += part_length) {
    iovec part{train.bytes + at, std::min(part_length, train.length - at)};
    header.msg_iov = &part;
    ssize_t sent;
    do {
      sent = ::sendmsg(fd_.get(), &header, MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && worst == SendVerdict::kSent) worst = send_verdict(errno);
  }
  return worst;
}

}  // namespace farspan::io
