// SPDX-License-Identifier: Apache-2.0
// EspSender: inner packets written next to each other, sealed as a batch, sent as trains.
//
// Inner packets are written straight to where their ESP packet will be (place()), so that
// segmenting a super-packet is the only copy between the port's buffer and the socket; or they stay
// where they are and the cipher carries them over (take()). ESP packets lie back to back:
//
//   bytes_ ─▶ |prefix|inner……|trailer|prefix|inner……|trailer|…   a slot each, or one for a run
//              └─────── one train: same path, TOS, length ───────┘
//
// flush() seals all of them in one call (AES-CBC needs the company) and cuts them into trains of
// equal length, of which the last packet may be shorter (UDP_SEGMENT). Where a train goes is asked
// of its SA then, once.
//
// Not here: which SA and MTU (to_tunnel.cpp), the transform (ipsec/esp.h), the socket (outside.h).
// Threads: the worker. Allocates when made.
#pragma once

#include <array>
#include <memory>

#include "farspan/dataplane/control/counters.h"
#include "farspan/dataplane/ipsec/esp.h"
#include "farspan/dataplane/ipsec/outbound_sa.h"
#include "farspan/dataplane/packet/super_packet.h"
#include "farspan/dataplane/pipeline/outside.h"

namespace farspan::dataplane {

class EspSender {
 public:
  static constexpr uint32_t kMaxSlots = 128;
  static constexpr uint32_t kBytes =
      160 * 1024;  // two full trains, and the largest single packet beside them

  EspSender(ipsec::EspWorker& esp, Outside& outside, NodeCounters& counters);

  /// How an inner packet leaves.
  struct Way {
    ipsec::OutboundSa* sa;
    const TunnelEntry* tunnel;  // of the present tables: flush() before they change
    uint32_t label;             // 0: none
    uint8_t tos;                // outer
    bool may_fragment = false;  // the inner packet has no DF, nor needs the outer one any
    bool is_dummy = false;      // no packet of anybody: next header 59 (RFC 4303 §2.6)
  };

  struct Place {
    uint8_t* inner;  // of the first; the others `stride` bytes apart
    uint32_t stride;
    uint32_t count;
  };
  /// Where the caller must write inner packets of `length` bytes each before the next place() or
  /// flush(): `wanted` of them, or as many as a train takes. Sends what waits when there is no
  /// room. Count 0: none has any, and all `wanted` are dropped and counted.
  Place place(const Way& way, uint32_t length, uint32_t wanted);

  /// Takes a packet, which is sealed from where it lies, and its buffer.
  /// @pre the SA's suite is an AEAD; the packet has a buffer, and is one wire packet in one piece
  void take(const Way& way, SuperPacket& packet);

  /// Seals and sends everything that waits; counts what was sent and what was dropped.
  void flush();

 private:
  struct Waiting {
    const TunnelEntry* tunnel;
    uint8_t tos;
    bool may_fragment;
    io::Buffer source;  // of what take() had
  };
  bool make_room(uint32_t sealed_length);
  ipsec::SealSlot& next_slot(const Way& way, uint32_t length, uint32_t count,
                             uint32_t sealed_length);
  uint32_t collect_trains();
  uint64_t inner_bytes(uint32_t first, uint32_t end) const;
  void send_trains(uint32_t count);
  bool continues_train(uint32_t first, uint32_t next) const;

  ipsec::EspWorker& esp_;
  Outside& outside_;
  NodeCounters& counters_;
  std::unique_ptr<uint8_t[]> bytes_;
  uint32_t used_ = 0;
  uint32_t count_ = 0;
  std::array<ipsec::SealSlot, kMaxSlots> slots_;
  std::array<Waiting, kMaxSlots> waiting_;
  std::array<io::Train, kMaxSlots> trains_;
  std::array<uint32_t, kMaxSlots> first_of_train_;  // slot
  std::array<io::SendVerdict, kMaxSlots> verdicts_;
};

}  // namespace farspan::dataplane
