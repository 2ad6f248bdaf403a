// SPDX-License-Identifier: Apache-2.0
// RawEsp: native ESP (IP protocol 50) of this node, one packet per call slot.
//
// For offices without UDP encapsulation. The kernel writes the outer IPv4 header (no IP_HDRINCL),
// with DF as UdpUnderlay. Without segmentation offload this path is some ten times dearer per
// packet than UdpUnderlay; links between nodes therefore always encapsulate.
//
// Not here: UDP-encapsulated ESP (udp_underlay.h). Threads: one owner. Allocates at open only.
#pragma once

#include <memory>
#include <span>

#include "farspan/base/result.h"
#include "farspan/base/unique_fd.h"
#include "farspan/io/dont_fragment.h"
#include "farspan/io/train.h"

namespace farspan::io {

class RawEsp {
 public:
  static Result<RawEsp> open();
  RawEsp(RawEsp&&) noexcept;
  RawEsp& operator=(RawEsp&&) noexcept;
  ~RawEsp();

  int fd() const { return fd_.get(); }

  /// Takes what has arrived, without waiting: ESP packets without their outer header; fewer than
  /// kReceiveBuffers means drained. One with a header the kernel should not have passed is
  /// empty, so that it is counted as a malformed one.
  std::span<LandedTrain> receive(BufferPool& pool);
  static constexpr unsigned kReceiveBuffers = 64;

  /// Sends every packet of every train; a train's verdict is the first one that was not kSent. @pre
  /// as UdpUnderlay
  void send(std::span<const Train> trains, std::span<SendVerdict> verdicts);

 private:
  struct Buffers;
  explicit RawEsp(UniqueFd fd);
  SendVerdict send_train(const Train& train);

  UniqueFd fd_;
  DontFragment dont_fragment_;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace farspan::io
