// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/esp.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "farspan/base/check.h"
#include "farspan/crypto/iv_source.h"
#include "farspan/dataplane/ipsec/inbound_sa.h"
#include "farspan/dataplane/ipsec/outbound_sa.h"

namespace farspan::ipsec {
namespace {

using crypto::CbcHmacPacket;
using crypto::Context;
using crypto::Suite;
using dataplane::DropReason;

constexpr uint32_t kHeader = 8;   // SPI and sequence number
constexpr uint32_t kTrailer = 2;  // pad length and next header
constexpr uint8_t kDummyNextHeader = 59;
constexpr size_t kHeadsAhead = 6,
                 kBehindAhead = 2;  // packets between asking for memory and using it

void put_be32(uint8_t* at, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof value);
}
void put_be64(uint8_t* at, uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(at, &value, sizeof value);
}
uint32_t get_be32(const uint8_t* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap32(value);
}

// 1, 2, 3 … (RFC 4303 §2.4), as many as a pad length can say.
constexpr auto kPadding = [] {
  std::array<uint8_t, 256> bytes{};
  for (unsigned i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i + 1);
  return bytes;
}();

// Padding, pad length and next header: the same in every packet of a run.
class Trailer {
 public:
  Trailer(const OutboundSa& sa, const SealSlot& slot)
      : pad_(slot.esp_length - sa.icv_length() - sa.prefix_length() - slot.inner_length - kTrailer),
        next_header_(slot.next_header) {
    if (pad_ > kMostInWord) return;
    constexpr uint64_t kOneToSix = 0x060504030201;
    const uint32_t bits = 8 * pad_;
    word_ = (kOneToSix & ((uint64_t{1} << bits) - 1)) | (uint64_t{next_header_} << 8 | pad_)
                                                            << bits;
  }
  /// Behind an inner packet; up to eight bytes are written there, however few they are.
  void write(uint8_t* behind) const {
    if (pad_ <= kMostInWord) {
      std::memcpy(behind, &word_, sizeof word_);
      return;
    }
    std::memcpy(behind, kPadding.data(), pad_);
    behind[pad_] = static_cast<uint8_t>(pad_);
    behind[pad_ + 1] = next_header_;
  }

 private:
  static constexpr uint32_t kMostInWord = 6;
  static_assert(std::endian::native == std::endian::little);
  uint32_t pad_;
  uint8_t next_header_;
  uint64_t word_ = 0;
};

// What an AEAD authenticates besides the text: SPI and sequence number, 64 bits of it with ESN (RFC
// 4106 §5, RFC 7634 §2.1).
// One store, as in crypto/context.cpp.
class Aad {
 public:
  Aad() = default;
  Aad(uint32_t spi, bool has_esn, uint64_t sequence) : length_(has_esn ? 12 : 8) {
    const uint64_t first = __builtin_bswap32(spi);
    const uint64_t high = __builtin_bswap32(static_cast<uint32_t>(sequence >> 32));
    const uint64_t low = __builtin_bswap32(static_cast<uint32_t>(sequence));
    words_ = has_esn ? Words{first | high << 32, low} : Words{first | low << 32, 0};
  }
  std::span<const uint8_t> view() const {
    return {reinterpret_cast<const uint8_t*>(&words_), length_};
  }

 private:
  using Words [[gnu::vector_size(16)]] = uint64_t;
  Words words_;
  uint32_t length_;
};

// With ESN and a separate hash the high half is hashed behind the text, without being sent (RFC
// 4303 §2.2.1). It is written where the ICV stands.
uint32_t authenticated_length(uint8_t* esp, uint32_t without_icv, bool has_esn, uint64_t sequence) {
  if (!has_esn) return without_icv;
  put_be32(esp + without_icv, static_cast<uint32_t>(sequence >> 32));
  return without_icv + 4;
}

// With thousands of SAs nothing of an SA is in the cache. Its head is asked for many packets ahead,
// and what the head points to a few packets ahead, when the head has come.
template <class Slot>
void prefetch_heads(std::span<Slot> slots, size_t i) {
  if (i < slots.size() && (i == 0 || slots[i].sa != slots[i - 1].sa)) slots[i].sa->prefetch();
}
void prefetch_behind(std::span<SealSlot> slots, size_t i) {
  if (i >= slots.size() || (i > 0 && slots[i].sa == slots[i - 1].sa)) return;
  slots[i].sa->prefetch_behind(slots[i].inner_length);
}
void prefetch_behind(std::span<OpenSlot> slots, size_t i) {
  if (i >= slots.size() || (i > 0 && slots[i].sa == slots[i - 1].sa)) return;
  if (slots[i].esp_length < kHeader) return;
  slots[i].sa->prefetch_behind(slots[i].esp_length, get_be32(slots[i].esp + 4));
}
template <class Slot>
void prefetch_first(std::span<Slot> slots) {
  for (size_t i = 0; i < kHeadsAhead; ++i) prefetch_heads(slots, i);
  for (size_t i = 0; i < kBehindAhead; ++i) prefetch_behind(slots, i);
}
template <class Slot>
void prefetch_next(std::span<Slot> slots, size_t i) {
  prefetch_heads(slots, i + kHeadsAhead);
  prefetch_behind(slots, i + kBehindAhead);
}

std::optional<DropReason> drop_of(ReplayVerdict verdict) {
  switch (verdict) {
    case ReplayVerdict::kFresh:
      return std::nullopt;
    case ReplayVerdict::kZero:
      return DropReason::kReplayZero;
    case ReplayVerdict::kReplayed:
      return DropReason::kReplayed;
    case ReplayVerdict::kTooOld:
      return DropReason::kReplayTooOld;
  }
  return DropReason::kReplayed;
}

}  // namespace

struct EspWorker::Scratch {
  explicit Scratch(Context& crypto) : ivs(crypto) {}
  crypto::IvSource ivs;
  // The packets of one chunk that go through the batch, and what must be remembered of each.
  std::array<CbcHmacPacket, Context::kMaxBatch> packets;
  size_t packet_count = 0;  // of those that wait to be sealed
  std::array<size_t, Context::kMaxBatch> slot_of;
  std::array<uint64_t, Context::kMaxBatch> sequence_of;
  std::array<std::array<uint8_t, crypto::kMaxIcvLength>, Context::kMaxBatch> received_icv,
      computed_icv;
};

Result<std::unique_ptr<EspWorker>> EspWorker::create(SaEventSink events) {
  auto crypto = Context::create();
  if (!crypto) return crypto.error();
  return std::unique_ptr<EspWorker>(new EspWorker(*std::move(crypto), events));
}

EspWorker::EspWorker(std::unique_ptr<Context> crypto, SaEventSink events)
    : crypto_(std::move(crypto)), events_(events), scratch_(std::make_unique<Scratch>(*crypto_)) {}

EspWorker::~EspWorker() = default;

void EspWorker::seal(std::span<SealSlot> slots) {
  while (!slots.empty()) {
    const size_t chunk = std::min(slots.size(), Context::kMaxBatch);
    seal_chunk(slots.first(chunk));
    slots = slots.subspan(chunk);
  }
}

void EspWorker::open(std::span<OpenSlot> slots) {
  while (!slots.empty()) {
    const size_t chunk = std::min(slots.size(), Context::kMaxBatch);
    open_chunk(slots.first(chunk));
    slots = slots.subspan(chunk);
  }
}

// 1. per slot: sequence numbers, recorded in the arena; per packet: padding and trailer, header and
// IV
// 2. per packet: an AEAD; CBC for many at once
// Two passes, because the cipher reads with wide loads what the first pass has just written: right
// behind the stores it would wait for them to reach the cache.
void EspWorker::seal_chunk(std::span<SealSlot> slots) {
  Scratch& scratch = *scratch_;
  prefetch_first(slots);
  for (size_t i = 0; i < slots.size(); ++i) {
    prefetch_next(slots, i);
    scratch.sequence_of[i] = prepare(slots[i]);
  }
  for (size_t i = 0; i < slots.size(); ++i) {
    slots[i].sa->suite().is_aead() ? seal_run(slots[i], scratch.sequence_of[i])
                                   : add_to_batch(slots[i], scratch.sequence_of[i]);
  }
  seal_batch();
}

// Everything but the cipher. Answers the first sequence number.
uint64_t EspWorker::prepare(SealSlot& slot) {
  OutboundSa& sa = *slot.sa;
  if (!FS_HOLDS(slot.source == nullptr || (slot.count == 1 && sa.suite().is_aead()))) {
    slot.sealed = slot.esp_length = 0;
    slot.drop = DropReason::kBrokenInvariant;
    return 0;
  }
  const uint32_t admitted = sa.usage.admitted(slot.count, slot.inner_length);
  const auto [first, count] = sa.take_sequences(admitted);
  slot.sealed = count;
  slot.drop = std::nullopt;
  slot.esp_length = 0;
  if (count < slot.count) {
    slot.drop = sa.is_exhausted() ? DropReason::kSequenceExhausted : DropReason::kSaExpired;
    if (count == 0) {
      report_limit(sa, false);  // in case there was no room for it the last time
      return first;
    }
  }
  slot.esp_length = sa.sealed_length(slot.inner_length);
  const Trailer trailer(sa, slot);
  const bool is_aead = sa.suite().is_aead();
  uint8_t* esp = slot.esp;
  uint8_t* behind =
      (slot.source != nullptr ? slot.source : esp + sa.prefix_length()) + slot.inner_length;
  for (uint64_t sequence = first; sequence < first + count; ++sequence) {
    trailer.write(behind);
    put_be64(esp, uint64_t{sa.spi()} << 32 | static_cast<uint32_t>(sequence));
    // unique under the key, which is all an AEAD asks (RFC 4106 §3.1, RFC 7634 §2)
    if (is_aead) put_be64(esp + kHeader, sequence);
    esp += slot.esp_length;
    behind += slot.esp_length;
  }
  this->count(sa, uint64_t{count} * slot.inner_length, count, false);
  return first;
}

void EspWorker::seal_run(const SealSlot& slot, uint64_t first_sequence) {
  if (slot.sealed == 0) return;
  const OutboundSa& sa = *slot.sa;
  const uint32_t prefix = sa.prefix_length();
  const uint32_t without_icv = slot.esp_length - sa.icv_length();
  const uint32_t text_length = without_icv - prefix;
  uint8_t* esp = slot.esp;
  for (uint32_t i = 0; i < slot.sealed; ++i, esp += slot.esp_length) {
    const Aad aad(sa.spi(), sa.has_esn(), first_sequence + i);
    crypto_->aead_seal(sa.keys(), esp + kHeader, aad.view(),
                       slot.source != nullptr ? slot.source : esp + prefix,
                       {esp + prefix, text_length}, esp + without_icv);
  }
}

void EspWorker::add_to_batch(const SealSlot& slot, uint64_t first_sequence) {
  Scratch& scratch = *scratch_;
  if (slot.sealed == 0) return;
  const OutboundSa& sa = *slot.sa;
  const uint32_t prefix = sa.prefix_length();
  const uint32_t without_icv = slot.esp_length - sa.icv_length();
  uint8_t* esp = slot.esp;
  for (uint32_t i = 0; i < slot.sealed; ++i, esp += slot.esp_length) {
    if (scratch.packet_count == Context::kMaxBatch) seal_batch();
    uint8_t* const iv = esp + kHeader;
    scratch.ivs.next({iv, prefix - kHeader});
    scratch.packets[scratch.packet_count++] = {
        &sa.keys(),
        iv,
        esp + prefix,
        without_icv - prefix,
        esp,
        authenticated_length(esp, without_icv, sa.has_esn(), first_sequence + i),
        esp + without_icv};
  }
}

void EspWorker::seal_batch() {
  Scratch& scratch = *scratch_;
  if (scratch.packet_count > 0)
    crypto_->cbc_hmac_seal({scratch.packets.data(), scratch.packet_count});
  scratch.packet_count = 0;
}

// Per packet: 1. lengths; 2. is the sequence number new?; 3. an AEAD at once, CBC with the others
// of the chunk;
// 4. what an authentic packet may change (finish_open).
void EspWorker::open_chunk(std::span<OpenSlot> slots) {
  Scratch& scratch = *scratch_;
  size_t batched = 0;
  prefetch_first(slots);
  for (size_t i = 0; i < slots.size(); ++i) {
    prefetch_next(slots, i);
    OpenSlot& slot = slots[i];
    InboundSa& sa = *slot.sa;
    slot.inner = nullptr;
    slot.inner_length = 0;
    slot.next_header = 0;
    slot.drop = std::nullopt;
    const Suite suite = sa.suite();
    const uint32_t prefix = kHeader + suite.iv_length();
    if (slot.esp_length < prefix + suite.block_length() + suite.icv_length() ||
        (slot.esp_length - prefix - suite.icv_length()) % suite.block_length() != 0) {
      slot.drop = DropReason::kMalformedEsp;
      continue;
    }
    if (sa.is_over()) {
      report_limit(sa, true);
      slot.drop = DropReason::kSaExpired;
      continue;
    }
    const auto [sequence, verdict] = sa.identify(get_be32(slot.esp + 4));
    slot.drop = drop_of(verdict);
    if (slot.drop) continue;

    const uint32_t without_icv = slot.esp_length - suite.icv_length();
    const uint32_t text_length = without_icv - prefix;
    uint8_t* const iv = slot.esp + kHeader;
    uint8_t* const text = slot.esp + prefix;
    if (suite.is_aead()) {
      const Aad aad(get_be32(slot.esp), sa.has_esn(), sequence);
      if (crypto_->aead_open(sa.keys(), iv, aad.view(), {text, text_length},
                             slot.esp + without_icv)) {
        finish_open(slot, sequence);
      } else {
        slot.drop = DropReason::kBadIcv;
      }
    } else {
      std::memcpy(scratch.received_icv[batched].data(), slot.esp + without_icv, suite.icv_length());
      scratch.packets[batched] = {
          &sa.keys(),
          iv,
          text,
          text_length,
          slot.esp,
          authenticated_length(slot.esp, without_icv, sa.has_esn(), sequence),
          scratch.computed_icv[batched].data()};
      scratch.slot_of[batched] = i;
      scratch.sequence_of[batched] = sequence;
      ++batched;
    }
  }
  if (batched == 0) return;
  crypto_->cbc_hmac_open({scratch.packets.data(), batched});
  for (size_t k = 0; k < batched; ++k) {
    OpenSlot& slot = slots[scratch.slot_of[k]];
    if (crypto::equal_in_constant_time(scratch.received_icv[k].data(),
                                       scratch.computed_icv[k].data(),
                                       slot.sa->suite().icv_length())) {
      finish_open(slot, scratch.sequence_of[k]);
    } else {
      slot.drop = DropReason::kBadIcv;
    }
  }
}

// The packet is authentic: 1. take its number, which another packet of this batch may have had; 2.
// count and notice where the peer is; 3. look behind the padding.
void EspWorker::finish_open(OpenSlot& slot, uint64_t sequence) {
  InboundSa& sa = *slot.sa;
  slot.drop = drop_of(sa.accept(sequence));
  if (slot.drop) return;
  const Suite suite = sa.suite();
  const uint32_t prefix = kHeader + suite.iv_length();
  const uint32_t text_length = slot.esp_length - prefix - suite.icv_length();
  const uint8_t* const text = slot.esp + prefix;
  const uint32_t pad = text[text_length - 2];
  const uint8_t next_header = text[text_length - 1];
  if (slot.source.address != 0) watch_mapping(slot, sequence);
  if (pad + kTrailer > text_length ||
      std::memcmp(text + text_length - kTrailer - pad, kPadding.data(), pad) != 0) {
    count(sa, 0, 1, true);
    slot.drop = DropReason::kBadPadding;
    return;
  }
  count(sa, text_length - kTrailer - pad, 1, true);
  slot.inner = slot.esp + prefix;
  slot.inner_length = text_length - kTrailer - pad;
  slot.next_header = next_header;
  if (next_header == kDummyNextHeader) slot.drop = DropReason::kDummy;
}

template <class Sa>
void EspWorker::count(Sa& sa, uint64_t bytes, uint32_t packets, bool is_inbound) {
  sa.usage.add(bytes, packets, now_seconds_);
  report_limit(sa, is_inbound);
}

// Once for each limit, as soon as the event finds room.
template <class Sa>
void EspWorker::report_limit(Sa& sa, bool is_inbound) {
  const SaUsage::Reached reached = sa.reached();
  if (reached <= sa.reported) return;
  if (events_(event_about(sa, is_inbound, event_kind_of(reached)))) sa.reported = reached;
}

// Only the newest packet tells where the peer is: after a move, stragglers still come from the old
// place.
void EspWorker::watch_mapping(OpenSlot& slot, uint64_t sequence) {
  InboundSa& sa = *slot.sa;
  const OuterPath path = sa.path();
  if (slot.source == path.remote) {
    sa.moved_to.store({});
    sa.told_move = {};
    return;
  }
  if (!path.is_udp_encapsulated || sequence < sa.newest()) return;
  sa.moved_to.store(slot.source);
  // Once a second: a peer may come from another port with every packet. Who is then left untold is
  // looked after by charon's thread (Sad::late_moves).
  if (slot.source == sa.told_move ||
      (sa.told_move != Endpoint{} && now_seconds_ == sa.told_at_seconds)) {
    return;
  }
  SaEvent event = event_about(sa, true, SaEvent::Kind::kMappingChanged);
  event.remote = slot.source;
  if (!events_(event)) return;
  sa.told_move = slot.source;
  sa.told_at_seconds = now_seconds_;
}

}  // namespace farspan::ipsec
