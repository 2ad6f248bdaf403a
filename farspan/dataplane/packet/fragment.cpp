// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/fragment.h"

#include <algorithm>
#include <cstring>

#include "farspan/dataplane/packet/rewrite.h"
#include "farspan/dataplane/packet/segment.h"
#include "farspan/net/checksum.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using net::Ipv4Header;

constexpr uint32_t kSmallestMtu =
    68;  // every link carries so much: 60 of header and 8 of data (RFC 791 §3.2)
constexpr uint8_t kEndOfOptions = 0, kNoOperation = 1, kCopiedFlag = 0x80;

// Copies the options that stand in every fragment (RFC 791 §3.1); answers their length, filled up
// to words.
uint16_t copied_options(const uint8_t* options, size_t length, uint8_t* to) {
  uint16_t copied = 0;
  for (size_t at = 0; at < length && options[at] != kEndOfOptions;) {
    if (options[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (length - at < 2 || options[at + 1] < 2 || options[at + 1] > length - at) break;
    const uint8_t option_length = options[at + 1];
    if (options[at] & kCopiedFlag) {
      std::memcpy(to + copied, options + at, option_length);
      copied = static_cast<uint16_t>(copied + option_length);
    }
    at += option_length;
  }
  while (copied % 4 != 0) to[copied++] = kEndOfOptions;
  return copied;
}

uint32_t effective_mtu(const SuperPacket& packet, uint32_t mtu) {
  const uint32_t largest = packet.max_fragment ? std::min<uint32_t>(mtu, packet.max_fragment) : mtu;
  return std::max(largest, kSmallestMtu);
}

}  // namespace

Fit fit(const SuperPacket& packet, uint32_t mtu) {
  const uint32_t longest = longest_wire_packet(packet);
  if (longest <= effective_mtu(packet, mtu)) return Fit::kFits;
  if (!packet.parsed.has_df) return Fit::kFragment;
  // it came in fragments although it has DF: it may leave as it came, but no smaller
  const bool passes_as_it_came = packet.max_fragment != 0 && packet.max_fragment <= mtu;
  return passes_as_it_came ? Fit::kFragment : Fit::kTooBig;
}

Fragmenter::Fragmenter(SuperPacket& packet, uint32_t mtu)
    : packet_(packet),
      payload_(packet),
      mtu_(effective_mtu(packet, mtu)),
      data_length_(packet.length() - packet.parsed.ip_header_length) {
  complete_checksum(packet);
  const uint16_t options_length =
      static_cast<uint16_t>(packet.parsed.ip_header_length - sizeof(Ipv4Header));
  later_header_length_ = static_cast<uint16_t>(
      sizeof(Ipv4Header) +
      copied_options(packet.header + sizeof(Ipv4Header), options_length, later_options_.data()));

  const uint32_t first_room = mtu_ - packet.parsed.ip_header_length;
  remaining_ = 1;
  if (data_length_ > first_room) {
    const uint32_t rest = data_length_ - first_room / 8 * 8;
    const uint32_t room = mtu_ - later_header_length_;
    const uint32_t full = room / 8 * 8;
    remaining_ += 1 + (rest > room ? (rest - room + full - 1) / full : 0);
  }
}

Fragmenter::Shape Fragmenter::next_shape() const {
  const uint32_t header = written_ == 0 ? packet_.parsed.ip_header_length : later_header_length_;
  const uint32_t room = mtu_ - header;
  const uint32_t left = data_length_ - written_;
  return {header, left <= room ? left : room / 8 * 8};
}

uint32_t Fragmenter::next_length() const {
  const Shape shape = next_shape();
  return shape.header_length + shape.data_length;
}

// The data of a fragment may begin inside the transport header, which stands beside the pieces.
void Fragmenter::write_data(uint8_t* to, uint32_t length) {
  const uint32_t transport = packet_.header_length - packet_.parsed.ip_header_length;
  if (written_ < transport) {
    const uint32_t part = std::min(length, transport - written_);
    std::memcpy(to, packet_.header + packet_.parsed.ip_header_length + written_, part);
    to += part;
    length -= part;
  }
  payload_.copy(to, length);
}

uint32_t Fragmenter::write_next(uint8_t* to) {
  const Shape shape = next_shape();
  const auto& original = net::header_at<Ipv4Header>(packet_.header);
  auto& ip = net::header_at<Ipv4Header>(to);
  if (written_ == 0) {
    std::memcpy(to, packet_.header, shape.header_length);
  } else {
    ip = original;
    ip.version_ihl = static_cast<uint8_t>(0x40 | shape.header_length / 4);
    std::memcpy(to + sizeof(Ipv4Header), later_options_.data(),
                shape.header_length - sizeof(Ipv4Header));
  }
  write_data(to + shape.header_length, shape.data_length);

  // `original` may be a fragment itself: its offset is added and its last piece is only last if it
  // was
  const bool is_last = --remaining_ == 0;
  uint16_t flags_offset = static_cast<uint16_t>(original.flags_offset.value() + written_ / 8);
  if (!is_last) flags_offset |= Ipv4Header::kMoreFragments;
  written_ += shape.data_length;
  const uint32_t length = shape.header_length + shape.data_length;
  ip.flags_offset = flags_offset;
  ip.total_length = static_cast<uint16_t>(length);
  ip.checksum = 0;
  ip.checksum = net::internet_checksum(to, shape.header_length);
  return length;
}

}  // namespace farspan::dataplane
