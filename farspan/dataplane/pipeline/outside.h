// SPDX-License-Identifier: Apache-2.0
// Outside: everything beyond the pipeline: ports, the underlay, charon, the kernel's routes.
//
// Virtual, because tests put a fake there; called once per super-packet or train, beside which a
// system call happens anyway, never once per wire packet.
//
// Not here: the real one (dataplane/worker.h). Threads: the worker.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <span>

#include "farspan/dataplane/control/tables.h"
#include "farspan/dataplane/pipeline/ike_datagram.h"
#include "farspan/io/icmp_quotes.h"
#include "farspan/io/tap_port.h"
#include "farspan/io/train.h"

namespace farspan::dataplane {

class Outside {
 public:
  virtual ~Outside() = default;

  /// Writes one frame to the port's device; the first vector is virtio and Ethernet header. @pre
  /// port.tap
  virtual io::WriteVerdict write_port(const PortEntry& port, std::span<const iovec> frame) = 0;
  /// Sends trains, by source port: 500 and 4500 by UDP, 0 as native ESP; verdicts[i] is that of
  /// trains[i].
  virtual void send(std::span<const io::Train> trains, std::span<io::SendVerdict> verdicts) = 0;
  /// Hands a datagram to charon; or says why it does not hear of it.
  virtual std::optional<DropReason> to_ike(const IkeDatagram& datagram) = 0;
  /// The MTU of the route to an underlay address; nothing without a route.
  virtual std::optional<uint32_t> route_mtu(uint32_t remote) = 0;
  /// The port's device is gone.
  virtual void port_died(const PortEntry& port) = 0;
};

}  // namespace farspan::dataplane
