// SPDX-License-Identifier: Apache-2.0
// fuzz_reassemble: arbitrary sequences of fragments, batches and time; no wire packet may get lost.
//
// The input is a list of records: [key and flags 1][offset 2][length 1][seconds 1]. Payload bytes
// are made from the key and their place, so that copies agree, unless the record says otherwise.
// The law: packets in = packets handed out + dropped + evicted + expired + held.
#include <cstdlib>
#include <vector>

#include "farspan/dataplane/packet/packet_fixture.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/packet/reassemble.h"

namespace farspan::dataplane {
namespace {

using fixture::Bytes;

struct Record {
  uint8_t key, offset_high, offset_low, length, seconds;

  uint16_t id() const { return key & 3; }
  uint64_t ingress() const { return key >> 2 & 3; }
  bool has_more() const { return (key & 0x10) != 0; }
  bool lies() const { return (key & 0x20) != 0; }     // other bytes than the same place had before
  bool is_long() const { return (key & 0x80) != 0; }  // length in units of 256
  uint32_t offset() const { return (uint32_t{offset_high} << 8 | offset_low) & 0x1fff; }
};
static_assert(sizeof(Record) == 5);

Bytes fragment_of(const Record& record) {
  fixture::PacketSpec spec;
  spec.id = record.id();
  spec.tos = record.seconds & 3;
  spec.flags_offset = static_cast<uint16_t>(record.offset() | (record.has_more() ? 0x2000u : 0u));
  Bytes data(record.is_long() ? record.length * 256u : record.length);
  if (record.has_more()) data.resize(data.size() / 8 * 8);
  const size_t start = size_t{record.offset()} * 8;
  for (size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<uint8_t>((start + i) * 31 + record.id() + (record.lies() ? 1 : 0));
  }
  return fixture::ip_packet(spec, 47, data);
}

}  // namespace
}  // namespace farspan::dataplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t length) {
  using namespace farspan::dataplane;
  static farspan::io::BufferPool pool({.small = 1, .large = 4});  // fewer than it may want
  static Reassembler reassembler({.datagrams = 6, .datagrams_per_ingress = 3}, pool);
  static Reassembler::Instant now{};
  uint64_t in = 0, out = 0;
  for (; length >= sizeof(Record); bytes += sizeof(Record), length -= sizeof(Record)) {
    Record record;
    std::memcpy(&record, bytes, sizeof record);
    const Bytes packet = fragment_of(record);
    std::vector<uint8_t> frame(packet);
    SuperPacket view;
    if (parse(frame, view) || !view.parsed.is_fragment) continue;
    ++in;
    const auto answer = reassembler.add(view, 0, record.ingress(), now, view);
    if (answer.is_whole) {
      out += answer.wire_packets;
      if (view.length() > SuperPacket::kMaxLength || view.parsed.is_fragment) std::abort();
      (void)fixture::bytes_of(view);  // every byte is there to be read
    }
    if (answer.dropped) out += answer.dropped->wire_packets;
    if (answer.evicted) out += answer.evicted->wire_packets;
    now += std::chrono::seconds(record.seconds / 16);
    out += reassembler.expire(now);
    if (in != out + reassembler.held_wire_packets()) std::abort();
  }
  now += Reassembler::kTimeout;
  out += reassembler.expire(now);
  if (in != out || reassembler.held_wire_packets() != 0 || pool.free_large() != 4) std::abort();
  return 0;
}
