// SPDX-License-Identifier: Apache-2.0
// TcpTrack: can this segment belong to the connection, as far as both ends have shown it?
//
// Each end has shown how far it has sent (`end`), what it expects next (`expected`), and the
// largest window it announced. From these follows what the other may send:
//
//        other.expected       end                 limit = largest of (other's ACK + window)
//   …─────────┤════ in flight ═┤┈┈┈ may be sent ┈┈┈┤……   sequence numbers of one end
//   └ kept by the other's window: retransmissions
//
// A segment must begin within one window of what was sent last and end at `limit` at most, and its
// ACK must be of data that was seen (van Rooij, "Real Stateful TCP Packet Filtering in IP Filter",
// 2001). Only a RST that names exactly what the receiver expects closes (RFC 5961 §3.2); one that
// is only inside the window passes, for the receiver answers it with a challenge ACK, and a SYN of
// the opener inside a connection passes for the same reason (§4.2): a host that lost its memory
// gets to know what it must reset.
//
// A connection that is picked up in the middle (the data plane was started anew, or the connection
// moved here) is let go on unchecked until both ends have shown numbers that fit each other.
// Numbers that fit nothing are forgotten with the next packet, so that forged ones keep nobody out.
//
// Not here: idle times (flow_table.h), checksums and what the bytes say: hosts judge these.
// Threads: values. Never allocates.
// Standards: RFC 9293 §3.4, §3.8; RFC 7323 §2 (scaling); RFC 5961 §3, §4; RFC 6298, 1122 §4.2.3.6
// (retransmissions and keepalives pass).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace farspan::dataplane {

/// What a TCP segment, or several that are one super-packet, says about its connection; host order.
struct TcpSegment {
  static constexpr uint8_t kNoScale = 0xFF;

  uint32_t sequence = 0, acknowledgment = 0;
  uint32_t length = 0;  // of the payload, of all segments of a super-packet
  uint16_t window = 0;
  uint8_t flags = 0;
  uint8_t scale = kNoScale;  // of a SYN: its window scale option (RFC 7323 §2.2)

  bool has(uint8_t flag) const { return (flags & flag) != 0; }
};

/// True for flags that no TCP sends: none at all, SYN or RST beside what ends or opens, or no ACK
/// behind the first segment (RFC 9293 §3.10.7).
constexpr bool has_impossible_flags(uint8_t flags) {
  constexpr uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kAck = 0x10;
  if ((flags & kSyn) != 0) return (flags & (kFin | kRst)) != 0;
  if ((flags & kRst) != 0) return (flags & kFin) != 0;
  return (flags & kAck) == 0;
}

enum class TcpVerdict : uint8_t {
  kPasses,
  kCloses,         // passes, and is a RST the receiver takes
  kOutsideWindow,  // data or ACK
  kWrongReset,     // a RST outside the window
  kWrongSyn,       // a SYN inside a connection, by whoever did not open it
};

class TcpTrack {
 public:
  enum class Phase : uint8_t { kOpening, kOpen };

  /// Judges `segment`, sent by end 0 (who opened the connection) or 1, and remembers what a segment
  /// that passes shows.
  TcpVerdict follow(size_t sender, const TcpSegment& segment, Phase phase) noexcept;

  /// Forgets sequence numbers, not scales: the next packets are those of a connection that was
  /// picked up in the middle.
  void pick_up_again() noexcept;

  /// True once both ends have shown numbers that fit each other: from then on they are checked.
  bool is_known() const { return is_known_; }

 private:
  struct End {
    uint32_t end = 0;       // behind the last byte it sent
    uint32_t limit = 0;     // it may send up to here; is_known_ only
    uint32_t expected = 0;  // its highest ACK
    uint32_t window = 0;    // the largest it announced, scaled
    uint8_t scale = kUnknownScale;
    bool has_sent = false, has_acknowledged = false;
  };
  static constexpr uint8_t kUnknownScale = 0xFE;  // its SYN was not seen

  static uint32_t window_of(const TcpSegment& segment, const End& own, const End& other);
  TcpVerdict open(size_t sender, const TcpSegment& segment, Phase phase) noexcept;
  bool answers_again(size_t sender, const TcpSegment& segment) const noexcept;
  TcpVerdict meet(End& own, End& other, const TcpSegment& segment) noexcept;
  TcpVerdict check(const End& own, const End& other, const TcpSegment& segment) const noexcept;
  void remember(End& own, End& other, const TcpSegment& segment) noexcept;

  std::array<End, 2> ends_;
  // The opener's last SYN inside the connection: an answer to it opens a new one, whose ports are
  // the same (both hosts may have forgotten the old one without a word).
  uint32_t again_end_ = 0;
  uint16_t again_window_ = 0;
  uint8_t again_scale_ = kUnknownScale;
  bool has_again_ : 1 = false;
  bool is_known_ : 1 = false;
};

}  // namespace farspan::dataplane
