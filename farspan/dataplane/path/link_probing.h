// SPDX-License-Identifier: Apache-2.0
// LinkProbing: the search for a link's path MTU, and what it must know of the link besides.
//
// Threads: the worker.
#pragma once

#include <chrono>

#include "farspan/dataplane/path/probe_search.h"

namespace farspan::dataplane {

struct LinkProbing {
  ProbeSearch search;
  uint64_t own_packets = 0;  // probes and answers that left

  /// @param spi          of the SA in use; another one: whether its peer answers is to be seen
  /// @param packets_out  that left by the link, ever
  std::span<const ProbeSearch::Probe> next_round(uint64_t now_ms, uint32_t spi,
                                                 uint64_t packets_out, uint32_t route_mtu,
                                                 uint32_t in_use) {
    if (now_ms < search.due_ms() || route_mtu == 0) return {};
    if (spi != spi_) search.start_again();
    spi_ = spi;
    const bool is_busy = packets_out != packets_out_ + own_packets - own_packets_;
    packets_out_ = packets_out;
    own_packets_ = own_packets;
    return search.next_round(now_ms, route_mtu, in_use, is_busy);
  }
  uint64_t due_ms(std::chrono::milliseconds now) const {
    const auto now_ms = static_cast<uint64_t>(now.count());
    return search.due_ms() > now_ms ? search.due_ms() : now_ms + ProbeSearch::kConfirmEveryMs;
  }

 private:
  uint32_t spi_ = 0;
  uint64_t packets_out_ = 0, own_packets_ = 0;  // at the last round
};

}  // namespace farspan::dataplane
