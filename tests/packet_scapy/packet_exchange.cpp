// SPDX-License-Identifier: Apache-2.0
// packet_exchange: the packet stages behind lines of text, so that another language can judge them.
//
// One request a line, `verb number… packet…`, packets in hex; one answer a line: packets in hex,
// `none`, or `drop reason`.
//
//   segment SIZE IP            wire packets of a TSO/USO train
//   coalesce IP…               trains, each as virtio header ':' packet
//   fragment MTU IP            fragments
//   reassemble IP…             the datagram, when the last one completes it
//   error KIND ROUTER MTU IP   ICMP error (KIND: the enumerator's number) about the packet
//   error_train SIZE … IP      the same about a train
//   echo IP                    echo reply
//   clamp MSS IP               the packet with its MSS clamped
//   hop IP                     the packet with its TTL decremented
//   ecn OUTER IP               the packet decapsulated under this outer ECN field
//   arp ADDRESS FRAME          answer of the node to the port with this address
//   label LABEL IP             labelled packet
//
// Not here: judging (test_packet_scapy.py).
#include <deque>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "farspan/dataplane/packet/arp.h"
#include "farspan/dataplane/packet/coalesce.h"
#include "farspan/dataplane/packet/ecn.h"
#include "farspan/dataplane/packet/fragment.h"
#include "farspan/dataplane/packet/icmp_error.h"
#include "farspan/dataplane/packet/mpls.h"
#include "farspan/dataplane/packet/mss_clamp.h"
#include "farspan/dataplane/packet/packet_fixture.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/packet/reassemble.h"
#include "farspan/dataplane/packet/rewrite.h"
#include "farspan/dataplane/packet/segment.h"

namespace farspan::dataplane {
namespace {

using fixture::Bytes;
using fixture::bytes_of;
using fixture::written_by;

template <class Range>
std::string hex(const Range& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string hex_of_all(const std::vector<Bytes>& packets) {
  std::string text;
  for (const Bytes& packet : packets) text += (text.empty() ? "" : " ") + hex(packet);
  return text;
}

std::string drop(DropReason reason) { return "drop " + std::string(row_of(reason).name); }

class Request {
 public:
  explicit Request(const std::string& line) : words_(line) { words_ >> verb_; }

  std::string answer() {
    if (verb_ == "coalesce") return coalesce();
    if (verb_ == "reassemble") return reassemble();
    if (verb_ == "arp") return arp();
    if (verb_ == "label") return label();
    const bool is_train = verb_ == "segment" || verb_ == "error_train";
    const uint32_t first = verb_ == "echo" || verb_ == "hop" || verb_ == "error" ? 0 : number();
    const bool is_error = verb_ == "error" || verb_ == "error_train";
    const uint32_t kind = is_error ? number() : 0;
    const uint32_t router = is_error ? number() : 0;
    const uint32_t mtu = is_error ? number() : 0;

    Bytes bytes = packet();
    SuperPacket view;
    if (const auto reason = parse(bytes, view)) return drop(*reason);
    if (is_train) {
      view.segment_size = static_cast<uint16_t>(first);
      view.checksum = Checksum::kPartial;
    }
    if (verb_ == "segment") return hex_of_all(written_by(Segmenter(view)));
    if (is_error) return error(view, kind, router, mtu);
    if (verb_ == "fragment") return hex_of_all(written_by(Fragmenter(view, first)));
    if (verb_ == "clamp") clamp_mss(view, static_cast<uint16_t>(first));
    if (verb_ == "hop" && !decrement_ttl(view)) return drop(DropReason::kTtlExceeded);
    if (verb_ == "echo") {
      if (!is_echo_request(view)) return "none";
      make_echo_reply(view);
    }
    if (verb_ == "ecn") {
      view.outer_ecn = static_cast<uint8_t>(first);
      if (const auto reason = decapsulate_ecn(view)) return drop(*reason);
    }
    return hex(bytes_of(view));
  }

 private:
  uint32_t number() {
    uint32_t value = 0;
    words_ >> value;
    return value;
  }
  Bytes packet() {
    std::string text;
    words_ >> text;
    Bytes bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
      bytes.push_back(static_cast<uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
    }
    return bytes;
  }

  std::string coalesce() {
    std::deque<Bytes> buffers;
    std::deque<SuperPacket> trains;
    Coalescer coalescer;
    while (words_ >> std::ws && !words_.eof()) {
      buffers.push_back(packet());
      if (const auto reason = parse(buffers.back(), trains.emplace_back())) return drop(*reason);
      if (coalescer.absorb(trains.back(), 1)) trains.pop_back();
    }
    coalescer.finish();
    std::string text;
    for (const SuperPacket& train : trains) {
      const auto virtio = dataplane::bytes_of(virtio_header_of(train, 0));
      text += (text.empty() ? "" : " ") + hex(virtio) + ":" + hex(bytes_of(train));
    }
    return text;
  }

  std::string reassemble() {
    io::BufferPool pool({.small = 1, .large = 4});
    Reassembler reassembler({.datagrams = 4, .datagrams_per_ingress = 4}, pool);
    std::string text = "none";
    while (words_ >> std::ws && !words_.eof()) {
      Bytes bytes = packet();
      SuperPacket fragment;
      if (const auto reason = parse(bytes, fragment)) return drop(*reason);
      const auto answer = reassembler.add(fragment, 1, 1, Reassembler::Instant{}, fragment);
      if (answer.dropped) return drop(answer.dropped->reason);
      if (answer.is_whole) text = hex(bytes_of(fragment));
    }
    return text;
  }

  std::string arp() {
    const uint32_t address = number();
    std::array<uint8_t, kArpFrame> reply;
    const ArpAnswer answer = answer_arp(packet(), address, {{0x02, 0xfa, 0, 0, 0, 1}}, reply);
    if (answer.drop) return drop(*answer.drop);
    return answer.has_reply ? hex(reply) : "none";
  }

  std::string label() {
    const uint32_t value = number();
    Bytes bytes = packet();
    Bytes labelled(kLabelLength + bytes.size());
    write_label(labelled.data(), value);
    std::copy(bytes.begin(), bytes.end(), labelled.begin() + kLabelLength);
    return hex(labelled);
  }

  static std::string error(const SuperPacket& about, uint32_t kind, uint32_t router, uint32_t mtu) {
    if (!may_report(about)) return "none";
    std::array<uint8_t, kMaxIcmpError> room;
    const uint32_t length = write_icmp_error(about, static_cast<IcmpError>(kind), router,
                                             static_cast<uint16_t>(mtu), room);
    return hex(std::span(room).first(length));
  }

  std::istringstream words_;
  std::string verb_;
};

}  // namespace
}  // namespace farspan::dataplane

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << farspan::dataplane::Request(line).answer() << "\n";
  }
}
