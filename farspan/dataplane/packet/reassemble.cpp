// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/reassemble.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "farspan/dataplane/packet/ecn.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/net/checksum.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using net::Ipv4Header;

constexpr uint32_t kBlocks = 8192;  // of 8 bytes: the largest datagram
constexpr uint32_t kBitmapBytes = kBlocks / 8;
constexpr uint32_t kHeaderRoom = 64;  // 60, and the payload begins at a multiple of 64
static_assert(kBitmapBytes + kHeaderRoom + kBlocks * 8 <= io::Buffer::kLargeRoom);

}  // namespace

// One cache line, so that a search touches little.
struct alignas(64) Reassembler::Datagram {
  enum class State : uint8_t { kFree, kFilling, kPoisoned };

  uint64_t ingress = 0;
  uint32_t vrf = 0;
  uint32_t source = 0, destination = 0;
  uint16_t id = 0;
  uint8_t protocol = 0;

  State state = State::kFree;
  DropReason poison = DropReason::kFragmentOverlap;
  uint8_t ecn_seen = 0;  // bit n: code point n
  bool has_df = false;
  uint16_t header_length = 0;  // 0: the first fragment is missing
  uint16_t max_fragment = 0;
  uint32_t data_length = 0;  // 0: the last fragment is missing
  uint32_t end_seen = 0;     // the highest byte that came
  uint32_t blocks = 0;       // that came
  uint32_t wire_packets = 0;
  Instant since{};

  bool is_complete() const {
    return header_length != 0 && data_length != 0 && blocks == (data_length + 7) / 8;
  }
};

namespace {

struct Place {
  uint8_t* bytes;
  bool has_block(uint32_t block) const { return (bytes[block / 8] >> (block % 8) & 1) != 0; }
  void set_block(uint32_t block) { bytes[block / 8] |= static_cast<uint8_t>(1u << (block % 8)); }
  void clear() { std::memset(bytes, 0, kBitmapBytes); }
  uint8_t* payload() { return bytes + kBitmapBytes + kHeaderRoom; }
};

enum class Presence { kNone, kSome, kAll };

Presence presence_of(const Place& place, uint32_t first, uint32_t count) {
  uint32_t present = 0;
  for (uint32_t block = first; block < first + count; ++block) present += place.has_block(block);
  if (present == 0) return Presence::kNone;
  return present == count ? Presence::kAll : Presence::kSome;
}

}  // namespace

Reassembler::Reassembler(Limits limits, io::BufferPool& pool)
    : limits_(limits), pool_(pool), datagrams_(limits.datagrams), buffers_(limits.datagrams) {}

Reassembler::~Reassembler() = default;

Reassembler::Answer Reassembler::add(const SuperPacket& fragment, uint32_t vrf, uint64_t ingress,
                                     Instant now, SuperPacket& whole) {
  Answer answer;
  Datagram* datagram = find(fragment, vrf, ingress);
  if (!datagram) {
    datagram = take_place(ingress, answer);
    if (!datagram) {
      answer.dropped = Dropped{DropReason::kFragmentLimit, 1};
      return answer;
    }
    buffer_of(*datagram) = pool_.take_large();
    if (!buffer_of(*datagram)) {
      answer.dropped = Dropped{DropReason::kNoBuffer, 1};
      return answer;
    }
    begin(*datagram, fragment, vrf, ingress, now);
  }
  if (datagram->state == Datagram::State::kPoisoned) {
    answer.dropped = Dropped{datagram->poison, 1};
    return answer;
  }
  ++datagram->wire_packets;
  ++held_wire_packets_;
  if (const auto reason = insert(*datagram, fragment)) {
    answer.dropped = poison(*datagram, *reason);
  } else if (datagram->is_complete()) {
    complete(*datagram, whole, answer);
  }
  return answer;
}

uint32_t Reassembler::expire(Instant now) {
  if (used_ == 0) return 0;
  uint32_t dropped = 0;
  for (Datagram& datagram : datagrams_) {
    if (datagram.state != Datagram::State::kFree && now - datagram.since >= kTimeout)
      dropped += free_place(datagram);
  }
  return dropped;
}

Reassembler::Datagram* Reassembler::find(const SuperPacket& fragment, uint32_t vrf,
                                         uint64_t ingress) {
  const Parsed& parsed = fragment.parsed;
  const uint16_t id = net::header_at<Ipv4Header>(fragment.header).id.value();
  for (Datagram& datagram : datagrams_) {
    if (datagram.state != Datagram::State::kFree && datagram.id == id &&
        datagram.source == parsed.source && datagram.destination == parsed.destination &&
        datagram.protocol == parsed.protocol && datagram.vrf == vrf &&
        datagram.ingress == ingress) {
      return &datagram;
    }
  }
  return nullptr;
}

// A free place; else, or when this ingress has its share, the place of the oldest datagram (of this
// ingress).
Reassembler::Datagram* Reassembler::take_place(uint64_t ingress, Answer& answer) {
  Datagram* free = nullptr;
  Datagram* oldest = nullptr;
  Datagram* oldest_own = nullptr;
  uint32_t own = 0;
  for (Datagram& datagram : datagrams_) {
    if (datagram.state == Datagram::State::kFree) {
      if (!free) free = &datagram;
      continue;
    }
    const bool is_own = datagram.ingress == ingress;
    own += is_own;
    if (!oldest || datagram.since < oldest->since) oldest = &datagram;
    if (is_own && (!oldest_own || datagram.since < oldest_own->since)) oldest_own = &datagram;
  }
  if (own < limits_.datagrams_per_ingress && free) return free;
  Datagram* const victim = own < limits_.datagrams_per_ingress ? oldest : oldest_own;
  if (!victim) return nullptr;  // the limits say: none
  const uint32_t wire_packets = free_place(*victim);
  if (wire_packets > 0) answer.evicted = Dropped{DropReason::kFragmentLimit, wire_packets};
  return victim;
}

void Reassembler::begin(Datagram& datagram, const SuperPacket& fragment, uint32_t vrf,
                        uint64_t ingress, Instant now) {
  datagram = Datagram{};
  datagram.ingress = ingress;
  datagram.vrf = vrf;
  datagram.source = fragment.parsed.source;
  datagram.destination = fragment.parsed.destination;
  datagram.id = net::header_at<Ipv4Header>(fragment.header).id.value();
  datagram.protocol = fragment.parsed.protocol;
  datagram.state = Datagram::State::kFilling;
  datagram.since = now;
  Place{buffer_of(datagram).room()}.clear();
  ++used_;
}

// 1. where it belongs   2. its ends agree with what is known
// 3. nothing twice      4. bytes, bits, header
std::optional<DropReason> Reassembler::insert(Datagram& datagram, const SuperPacket& fragment) {
  const auto& ip = net::header_at<Ipv4Header>(fragment.header);
  const uint32_t offset = ip.fragment_offset_bytes();
  const uint32_t length = fragment.payload_length;
  const uint32_t end = offset + length;
  const bool is_last = !ip.has_more_fragments();

  if (is_last &&
      ((datagram.data_length != 0 && datagram.data_length != end) || datagram.end_seen > end)) {
    return DropReason::kFragmentOverlap;
  }
  if (datagram.data_length != 0 && end > datagram.data_length) return DropReason::kFragmentOverlap;

  Place place{buffer_of(datagram).room()};
  const uint8_t* bytes = fragment.pieces[0].bytes;
  const uint32_t first_block = offset / 8;
  const uint32_t block_count = (length + 7) / 8;
  const Presence presence = presence_of(place, first_block, block_count);
  if (presence == Presence::kSome) return DropReason::kFragmentOverlap;
  if (presence == Presence::kAll) {  // a copy made by the network is no attack, if it says the same
    const bool is_copy = std::memcmp(place.payload() + offset, bytes, length) == 0;
    if (!is_copy) return DropReason::kFragmentOverlap;
    if (is_last) datagram.data_length = end;
    return std::nullopt;
  }

  for (uint32_t block = first_block; block < first_block + block_count; ++block)
    place.set_block(block);
  std::memcpy(place.payload() + offset, bytes, length);
  datagram.blocks += block_count;
  datagram.end_seen = std::max(datagram.end_seen, end);
  if (is_last) datagram.data_length = end;
  if (offset == 0) {
    datagram.header_length = fragment.parsed.ip_header_length;
    std::memcpy(place.payload() - datagram.header_length, fragment.header, datagram.header_length);
  }
  datagram.max_fragment = std::max(datagram.max_fragment, static_cast<uint16_t>(fragment.length()));
  datagram.has_df = datagram.has_df || fragment.parsed.has_df;
  datagram.ecn_seen |= static_cast<uint8_t>(1u << (fragment.parsed.tos & kEcnMask));
  return std::nullopt;
}

// The header of the first fragment becomes that of the datagram, then everything is parsed as if it
// came whole.
void Reassembler::complete(Datagram& datagram, SuperPacket& whole, Answer& answer) {
  const uint32_t length = datagram.header_length + datagram.data_length;
  std::optional<DropReason> reason;
  if (length > SuperPacket::kMaxLength) reason = DropReason::kFragmentLimit;

  // congestion seen by one fragment was seen by the datagram (RFC 3168 §5.3)
  const bool has_ce = (datagram.ecn_seen & 1u << kCe) != 0;
  if (has_ce && (datagram.ecn_seen & 1u << kNotEct)) reason = DropReason::kEcnInvalid;

  if (!reason) {
    uint8_t* header = Place{buffer_of(datagram).room()}.payload() - datagram.header_length;
    auto& ip = net::header_at<Ipv4Header>(header);
    if (has_ce) ip.tos |= kCe;
    ip.total_length = static_cast<uint16_t>(length);
    ip.flags_offset = datagram.has_df ? Ipv4Header::kDontFragment : uint16_t{0};
    ip.checksum = 0;
    ip.checksum = net::internet_checksum(header, datagram.header_length);
    reason = parse({header, length}, whole);
  }
  if (reason) {
    answer.dropped = Dropped{*reason, free_place(datagram)};
    return;
  }
  whole.max_fragment = datagram.max_fragment;
  whole.buffer = std::move(buffer_of(datagram));
  answer.is_whole = true;
  answer.wire_packets = free_place(datagram);
}

Reassembler::Dropped Reassembler::poison(Datagram& datagram, DropReason reason) {
  const Dropped dropped{reason, datagram.wire_packets};
  held_wire_packets_ -= datagram.wire_packets;
  datagram.wire_packets = 0;
  datagram.poison = reason;
  datagram.state = Datagram::State::kPoisoned;
  buffer_of(datagram).reset();  // nobody looks at the bytes any more
  return dropped;
}

uint32_t Reassembler::free_place(Datagram& datagram) {
  const uint32_t wire_packets = datagram.wire_packets;
  held_wire_packets_ -= wire_packets;
  datagram.wire_packets = 0;
  datagram.state = Datagram::State::kFree;
  buffer_of(datagram).reset();
  --used_;
  return wire_packets;
}

io::Buffer& Reassembler::buffer_of(const Datagram& datagram) {
  return buffers_[static_cast<size_t>(&datagram - datagrams_.data())];
}

}  // namespace farspan::dataplane
