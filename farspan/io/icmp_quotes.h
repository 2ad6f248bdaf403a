// SPDX-License-Identifier: Apache-2.0
// IcmpQuotes: what routers say about packets of ours that were too big for them.
//
// A raw ICMP socket of its own with a filter for "fragmentation needed", instead of the error
// queues of the ESP sockets (IP_RECVERR): an ICMP message, which anybody can send, then neither
// makes the next send fail nor takes room from received ESP, and the quote comes whole, addresses
// included. The kernel's own opinion is not asked: the sockets that send ESP are IP_PMTUDISC_PROBE.
//
// Not here: whether a quote is to be believed (dataplane/path). Threads: one owner. Allocates at
// open only. Standards: RFC 792, RFC 1191 §4.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "farspan/base/result.h"
#include "farspan/base/unique_fd.h"
#include "farspan/io/endpoint.h"

namespace farspan::io {

/// A packet of ours as a "fragmentation needed" quotes it. Nothing of it is proven.
struct Quote {
  Endpoint source{}, destination{};  // ports are 0 for native ESP
  uint32_t packet_length = 0;        // as its IPv4 header says
  uint32_t next_hop_mtu = 0;         // 0: the router does not say (RFC 1191 §5)
  bool has_esp_header = false;       // else the router quoted too little to know the SA
  uint32_t spi = 0, sequence = 0;
};

/// Reads an IPv4 packet with an ICMP "fragmentation needed" about an ESP packet, native or from UDP
/// port 4500; nothing when it is about something else (IKE carries no DF) or damaged.
std::optional<Quote> read_esp_quote(std::span<const uint8_t> packet);

class IcmpQuotes {
 public:
  /// Of the current network namespace. kUnavailable without CAP_NET_RAW.
  static Result<IcmpQuotes> open();
  IcmpQuotes(IcmpQuotes&&) noexcept;
  IcmpQuotes& operator=(IcmpQuotes&&) noexcept;
  ~IcmpQuotes();

  int fd() const { return fd_.get(); }

  /// Takes what has arrived, without waiting; valid until the next call. When it took
  /// kReceiveBuffers messages there may be more.
  std::span<const Quote> receive();
  static constexpr unsigned kReceiveBuffers = 32;

 private:
  struct Buffers;
  explicit IcmpQuotes(UniqueFd fd);

  UniqueFd fd_;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace farspan::io
