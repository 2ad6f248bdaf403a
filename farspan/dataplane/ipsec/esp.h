// SPDX-License-Identifier: Apache-2.0
// seal and open: the ESP transform of RFC 4303 over batches of packets, each with its own SA.
//
// A batch and not a packet, because AES-CBC with HMAC is only fast when 16 or more packets are in
// flight and because key schedules of 4096 SAs do not fit the cache and are prefetched ahead.
//
// What packets of one run have in common is worked out once: a TSO super-packet is one run.
//
//   esp ─▶ [SPI 4][sequence 4][IV 8|16][inner packet …][padding][pad length 1][next header 1]
//          └ OutboundSa::prefix_length ┘                              and behind it [ICV 12-32]
//
//
// Not here: UDP encapsulation and sockets (io/), which SA (sad_view.h), what the inner packet is
// (pipeline/). Threads: the worker that owns the SAs. Never allocates.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "farspan/crypto/context.h"
#include "farspan/dataplane/drop_reason.h"
#include "farspan/dataplane/ipsec/sa_event.h"

namespace farspan::ipsec {

class OutboundSa;
class InboundSa;

/// One packet to be sealed, or a run of them: packets of one length under one SA, one behind
/// another.
struct SealSlot {
  OutboundSa* sa;
  uint8_t* esp;  // room for count * sa->sealed_length(); each inner packet stands at
                 // esp + sa->prefix_length(), if `source` does not say otherwise
  uint32_t inner_length;
  uint8_t next_header;  // 4: IPv4 (RFC 4303 §2.6), 137: MPLS-in-IP (RFC 4023)
  // answers
  uint32_t esp_length;                        // of each whole ESP packet; 0 when none was sealed
  std::optional<dataplane::DropReason> drop;  // why those behind the first `sealed` were dropped:
                                              // sequence numbers used up, hard limit reached
  uint32_t count = 1;
  uint32_t sealed = 0;  // an answer too

  /// Where the inner packet stands instead, for the cipher to carry it over: kTailroom bytes behind
  /// it are written. AEADs and runs of one packet only.
  uint8_t* source = nullptr;
  static constexpr uint32_t kTailroom =
      8;  // up to 3 bytes of padding, pad length and next header, written as one word
};

struct OpenSlot {
  InboundSa* sa;
  uint8_t* esp;
  uint32_t esp_length;
  Endpoint
      source;  // outer; watched for a changed NAT mapping of UDP-encapsulated SAs, {} = do not look
  // answers
  uint8_t* inner;  // inside esp; of dummies too
  uint32_t inner_length;
  uint8_t next_header;
  std::optional<dataplane::DropReason> drop;  // replay, ICV, padding, malformed, dummy, hard limit
};

/// What one worker keeps for the transform: its crypto context, IVs and scratch space.
class EspWorker {
 public:
  /// @param events  limits reached and mappings changed
  static Result<std::unique_ptr<EspWorker>> create(SaEventSink events);
  ~EspWorker();

  /// CLOCK_MONOTONIC, set once per batch; what usage calls the last use.
  void set_now(uint64_t seconds) { now_seconds_ = seconds; }

  /// Gives each packet its sequence number, IV, padding and ICV, in order.
  void seal(std::span<SealSlot> slots);
  /// Checks replay, verifies, decrypts in place, accepts the sequence number and removes padding,
  /// in order.
  void open(std::span<OpenSlot> slots);

 private:
  struct Scratch;
  EspWorker(std::unique_ptr<crypto::Context> crypto, SaEventSink events);

  void seal_chunk(std::span<SealSlot> slots);
  uint64_t prepare(SealSlot& slot);
  void seal_run(const SealSlot& slot, uint64_t first_sequence);
  void add_to_batch(const SealSlot& slot, uint64_t first_sequence);
  void seal_batch();
  void open_chunk(std::span<OpenSlot> slots);
  void finish_open(OpenSlot& slot, uint64_t sequence);
  template <class Sa>
  void count(Sa& sa, uint64_t bytes, uint32_t packets, bool is_inbound);
  template <class Sa>
  void report_limit(Sa& sa, bool is_inbound);
  void watch_mapping(OpenSlot& slot, uint64_t sequence);

  std::unique_ptr<crypto::Context> crypto_;
  SaEventSink events_;
  uint64_t now_seconds_ = 0;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace farspan::ipsec
