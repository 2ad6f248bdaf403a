// SPDX-License-Identifier: Apache-2.0
#include "farspan/io/icmp_quotes.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "farspan/net/checksum.h"
#include "farspan/net/headers.h"

namespace farspan::io {
namespace {

using net::load_be16;
using net::load_be32;

constexpr size_t kIpHeader = 20, kIcmpHeader = 8, kUdpHeader = 8, kEspHeader = 8;
constexpr uint8_t kUnreachable = 3, kFragmentationNeeded = 4;
constexpr uint8_t kUdp = 17, kEsp = 50;
constexpr uint16_t kNatPort = 4500;

// The length of an IPv4 header at the beginning of `bytes`; 0: there is none.
size_t header_length(std::span<const uint8_t> bytes) {
  if (bytes.size() < kIpHeader || bytes[0] >> 4 != 4) return 0;
  const size_t length = (bytes[0] & 0x0Fu) * size_t{4};
  return length < kIpHeader || length > bytes.size() ? 0 : length;
}

bool attach_filter(int fd) {
  // X = length of the IPv4 header; type and code stand behind it
  std::array<sock_filter, 5> program = {{
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kUnreachable << 8 | kFragmentationNeeded, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

}  // namespace

std::optional<Quote> read_esp_quote(std::span<const uint8_t> packet) {
  const size_t outer = header_length(packet);
  if (outer == 0 || packet.size() < outer + kIcmpHeader) return std::nullopt;
  const auto icmp = packet.subspan(outer);
  if (icmp[0] != kUnreachable || icmp[1] != kFragmentationNeeded) return std::nullopt;
  net::InternetSum sum;
  sum.add(icmp.data(), icmp.size());
  if (!sum.is_intact()) return std::nullopt;

  const auto quoted = icmp.subspan(kIcmpHeader);
  const size_t inner = header_length(quoted);
  if (inner == 0 || (load_be16(&quoted[6]) & 0x1FFF) != 0) return std::nullopt;  // later fragment
  Quote quote{.source = {load_be32(&quoted[12]), 0},
              .destination = {load_be32(&quoted[16]), 0},
              .packet_length = load_be16(&quoted[2]),
              .next_hop_mtu = load_be16(&icmp[6])};
  auto esp = quoted.subspan(inner);
  if (quoted[9] == kUdp) {
    if (esp.size() < kUdpHeader || load_be16(&esp[0]) != kNatPort) return std::nullopt;
    quote.source.port = kNatPort;
    quote.destination.port = load_be16(&esp[2]);
    esp = esp.subspan(kUdpHeader);
  } else if (quoted[9] != kEsp) {
    return std::nullopt;
  }
  quote.has_esp_header = esp.size() >= kEspHeader;
  if (!quote.has_esp_header) return quote;
  quote.spi = load_be32(&esp[0]);
  quote.sequence = load_be32(&esp[4]);
  if (quote.spi == 0) return std::nullopt;  // IKE (RFC 3948 §2.2)
  return quote;
}

struct IcmpQuotes::Buffers {
  std::array<std::array<uint8_t, 4096>, kReceiveBuffers> bytes;
  std::array<mmsghdr, kReceiveBuffers> messages{};
  std::array<iovec, kReceiveBuffers> vectors{};
  std::array<Quote, kReceiveBuffers> quotes;
};

IcmpQuotes::IcmpQuotes(UniqueFd fd) : fd_(std::move(fd)), buffers_(std::make_unique<Buffers>()) {}
IcmpQuotes::IcmpQuotes(IcmpQuotes&&) noexcept = default;
IcmpQuotes& IcmpQuotes::operator=(IcmpQuotes&&) noexcept = default;
IcmpQuotes::~IcmpQuotes() = default;

Result<IcmpQuotes> IcmpQuotes::open() {
  UniqueFd fd(::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP));
  if (!fd.valid() || !attach_filter(fd.get())) {
    return Error{ErrorCode::kUnavailable, "ICMP", "", std::strerror(errno),
                 "the data plane needs CAP_NET_RAW"};
  }
  return IcmpQuotes(std::move(fd));
}

std::span<const Quote> IcmpQuotes::receive() {
  Buffers& b = *buffers_;
  for (unsigned i = 0; i < kReceiveBuffers; ++i) {
    b.vectors[i] = {b.bytes[i].data(), b.bytes[i].size()};
    b.messages[i].msg_hdr = {};
    b.messages[i].msg_hdr.msg_iov = &b.vectors[i];
    b.messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int count =
      ::recvmmsg(fd_.get(), b.messages.data(), kReceiveBuffers, MSG_DONTWAIT, nullptr);
  size_t taken = 0;
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<size_t>(i);
    if (const auto quote = read_esp_quote({b.bytes[at].data(), b.messages[at].msg_len}))
      b.quotes[taken++] = *quote;
  }
  return {b.quotes.data(), taken};
}

}  // namespace farspan::io
