// SPDX-License-Identifier: Apache-2.0
// UdpUnderlay: one UDP port of this node (500 or 4500) as trains of packets.
//
// Receives with UDP_GRO, IP_PKTINFO (which of our addresses) and IP_RECVTOS (ECN and DSCP); sends
// with UDP_SEGMENT, IP_PKTINFO (from which of our addresses) and IP_TOS. ESP carries DF: a tunnel
// learns its MTU, it never makes fragments. What says may_fragment has none: IKE, for certificates
// and many proposals are larger than any path and not every peer has fragments of IKE's own (RFC
// 7383 §1), and ESP on a path that swallows large packets in silence.
//
// The kernel has no say in how large a packet may be, beyond the interface: it would believe ICMP
// messages that anybody can send (IP_PMTUDISC_PROBE with DF, IP_PMTUDISC_OMIT without).
//
// The kernel's UDP_ENCAP_ESPINUDP is never set: kernels without ESP accept it and swallow the
// packets. GRO may glue an IKE datagram to the end of an ESP train, so the reader looks at the
// first word of every segment.
//
// Not here: what the bytes mean (dataplane/pipeline/). Threads: one owner. Allocates at open only.
#pragma once

#include <memory>
#include <span>

#include "farspan/base/result.h"
#include "farspan/base/unique_fd.h"
#include "farspan/io/buffer_pool.h"
#include "farspan/io/dont_fragment.h"
#include "farspan/io/train.h"

namespace farspan::io {

class UdpUnderlay {
 public:
  /// Binds 0.0.0.0:`port` in the current network namespace. kUnavailable when somebody else owns
  /// the port.
  static Result<UdpUnderlay> open(uint16_t port);
  UdpUnderlay(UdpUnderlay&&) noexcept;
  UdpUnderlay& operator=(UdpUnderlay&&) noexcept;
  ~UdpUnderlay();

  int fd() const { return fd_.get(); }

  /// Takes what has arrived, without waiting, into buffers of `pool`; fewer than kReceiveBuffers
  /// trains means drained, or a pool with little left. The buffers are there to be taken.
  std::span<LandedTrain> receive(BufferPool& pool);
  static constexpr unsigned kReceiveBuffers = 16;

  /// Sends up to 64 trains in as few calls as the kernel allows; verdicts[i] says what became of
  /// trains[i].
  /// @pre trains.size() <= 64 and verdicts.size() >= trains.size()
  void send(std::span<const Train> trains, std::span<SendVerdict> verdicts);
  static constexpr unsigned kSendTrains = 64;

 private:
  struct Buffers;
  UdpUnderlay(UniqueFd fd, uint16_t port);
  SendVerdict send_in_parts(size_t index, const Train& train, uint32_t packets_per_part);
  void send_alike(std::span<const Train> trains, size_t first, std::span<SendVerdict> verdicts);

  UniqueFd fd_;
  DontFragment dont_fragment_;
  uint16_t port_;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace farspan::io
