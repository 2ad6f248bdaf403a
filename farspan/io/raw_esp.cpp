// SPDX-License-Identifier: Apache-2.0
#include "farspan/io/raw_esp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "farspan/io/landing.h"
#include "farspan/io/socket_option.h"

namespace farspan::io {
namespace {
constexpr int kSocketBufferBytes = 8 << 20;
constexpr unsigned kBatch = 64;
}  // namespace

struct RawEsp::Buffers {
  std::array<Landing, kReceiveBuffers> landings;
  std::array<mmsghdr, kReceiveBuffers> messages{};
  std::array<std::array<iovec, 2>, kReceiveBuffers> vectors{};
  std::array<LandedTrain, kReceiveBuffers> trains;

  std::array<mmsghdr, kBatch> send_messages{};
  std::array<iovec, kBatch> send_vectors{};
  alignas(cmsghdr)
      std::array<uint8_t, CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(int))> control{};
};

RawEsp::RawEsp(UniqueFd fd) : fd_(std::move(fd)), buffers_(std::make_unique<Buffers>()) {}
RawEsp::RawEsp(RawEsp&&) noexcept = default;
RawEsp& RawEsp::operator=(RawEsp&&) noexcept = default;
RawEsp::~RawEsp() = default;

Result<RawEsp> RawEsp::open() {
  UniqueFd fd(::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ESP));
  if (!fd.valid() || !DontFragment().set(fd.get(), false)) {
    return Error{ErrorCode::kUnavailable, "native ESP", "", std::strerror(errno),
                 "the data plane needs CAP_NET_RAW"};
  }
  set_buffer_sizes(fd.get(), kSocketBufferBytes);
  return RawEsp(std::move(fd));
}

// Whole IPv4 packets, header included, for the kernel puts fragments together.
std::span<LandedTrain> RawEsp::receive(BufferPool& pool) {
  Buffers& b = *buffers_;
  unsigned ready = 0;
  while (ready < kReceiveBuffers && b.landings[ready].prepare(pool)) ++ready;
  // Without any: one packet is received into nothing, so that it is counted and the socket moves.
  for (unsigned i = 0; i < std::max(ready, 1u); ++i) {
    b.vectors[i] = b.landings[i].vectors();
    b.messages[i].msg_hdr = {};
    b.messages[i].msg_hdr.msg_iov = b.vectors[i].data();
    b.messages[i].msg_hdr.msg_iovlen = b.vectors[i].size();
  }
  const int count = receive_messages(fd_.get(), {b.messages.data(), std::max(ready, 1u)});

  const auto taken = static_cast<unsigned>(std::max(count, 0));
  for (unsigned i = 0; i < taken; ++i) {
    Landed landed = b.landings[i].take(b.messages[i].msg_len);
    LandedTrain& place = b.trains[i];
    place = {};
    if (!landed.buffer) continue;
    place.buffer = std::move(landed.buffer);
    uint8_t* const packet = landed.bytes.data();
    const auto length = static_cast<uint32_t>(landed.bytes.size());
    const uint32_t header_length = length >= 20 ? uint32_t{packet[0] & 0x0Fu} * 4 : 0;
    if (header_length < 20 || header_length > length) continue;
    uint32_t source, destination;
    std::memcpy(&source, packet + 12, 4);
    std::memcpy(&destination, packet + 16, 4);
    place.train = Train{.source = {ntohl(source), 0},
                        .destination = {ntohl(destination), 0},
                        .bytes = packet + header_length,
                        .length = length - header_length,
                        .segment_size = length - header_length,
                        .tos = packet[1]};
  }
  return {b.trains.data(), taken};
}

void RawEsp::send(std::span<const Train> trains, std::span<SendVerdict> verdicts) {
  for (size_t i = 0; i < trains.size(); ++i) verdicts[i] = send_train(trains[i]);
}

SendVerdict RawEsp::send_train(const Train& train) {
  Buffers& b = *buffers_;
  sockaddr_in destination{};
  destination.sin_family = AF_INET;
  destination.sin_addr.s_addr = htonl(train.destination.address);
  msghdr shared{};  // of every packet of the train
  shared.msg_name = &destination;
  shared.msg_namelen = sizeof destination;
  shared.msg_iovlen = 1;
  shared.msg_control = b.control.data();
  shared.msg_controllen = b.control.size();
  cmsghdr* control = CMSG_FIRSTHDR(&shared);
  const int tos = train.tos;
  *control = {CMSG_LEN(sizeof tos), IPPROTO_IP, IP_TOS};
  std::memcpy(CMSG_DATA(control), &tos, sizeof tos);
  if (train.source.address != 0) {
    in_pktinfo from{};
    from.ipi_spec_dst.s_addr = htonl(train.source.address);
    control = reinterpret_cast<cmsghdr*>(b.control.data() + CMSG_SPACE(sizeof tos));
    *control = {CMSG_LEN(sizeof from), IPPROTO_IP, IP_PKTINFO};
    std::memcpy(CMSG_DATA(control), &from, sizeof from);
  } else {
    shared.msg_controllen = CMSG_SPACE(sizeof tos);
  }

  if (!dont_fragment_.set(fd_.get(), !train.may_fragment)) return SendVerdict::kBusy;
  SendVerdict worst = SendVerdict::kSent;
  for (uint32_t offset = 0; offset < train.length;) {
    unsigned count = 0;
    for (; count < kBatch && offset < train.length; ++count) {
      const uint32_t length = std::min(train.segment_size, train.length - offset);
      b.send_vectors[count] = {train.bytes + offset, length};
      b.send_messages[count].msg_hdr = shared;
      b.send_messages[count].msg_hdr.msg_iov = &b.send_vectors[count];
      offset += length;
    }
    for (unsigned next = 0; next < count;) {
      const int sent =
          ::sendmmsg(fd_.get(), b.send_messages.data() + next, count - next, MSG_DONTWAIT);
      if (sent > 0) {
        next += static_cast<unsigned>(sent);
      } else if (errno != EINTR) {
        if (worst == SendVerdict::kSent) worst = send_verdict(errno);
        ++next;
      }
    }
  }
  return worst;
}

}  // namespace farspan::io
