// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/pipeline/esp_sender.h"

#include <algorithm>

#include "farspan/base/check.h"
#include "farspan/dataplane/packet/mpls.h"
#include "farspan/dataplane/packet/super_packet.h"

namespace farspan::dataplane {
namespace {

constexpr uint8_t kNextHeaderIpv4 = 4, kNextHeaderDummy = 59, kNextHeaderMpls = 137;

io::Endpoint to_io(const ipsec::Endpoint& endpoint, bool is_udp) {
  return {endpoint.address, is_udp ? endpoint.port : uint16_t{0}};
}

}  // namespace

EspSender::EspSender(ipsec::EspWorker& esp, Outside& outside, NodeCounters& counters)
    : esp_(esp),
      outside_(outside),
      counters_(counters),
      bytes_(std::make_unique<uint8_t[]>(kBytes)) {}

bool EspSender::make_room(uint32_t sealed_length) {
  if (count_ == kMaxSlots || used_ + sealed_length > kBytes) flush();
  return FS_HOLDS(used_ + sealed_length <= kBytes);
}

// One slot more, for `count` inner packets of `length` bytes, label included.
ipsec::SealSlot& EspSender::next_slot(const Way& way, uint32_t length, uint32_t count,
                                      uint32_t sealed_length) {
  ipsec::SealSlot& slot = slots_[count_];
  slot.sa = way.sa;  // one by one: as a whole it would be made elsewhere and copied
  slot.esp = bytes_.get() + used_;
  slot.inner_length = length;
  slot.count = count;
  slot.next_header = way.label != 0 ? kNextHeaderMpls
                     : way.is_dummy ? kNextHeaderDummy
                                    : kNextHeaderIpv4;
  Waiting& waiting = waiting_[count_];
  waiting.tunnel = way.tunnel;
  waiting.tos = way.tos;
  waiting.may_fragment = (way.may_fragment || way.sa->mtu.may_fragment) && !way.is_dummy;
  ++count_;
  used_ += count * sealed_length;
  return slot;
}

EspSender::Place EspSender::place(const Way& way, uint32_t length, uint32_t wanted) {
  const uint32_t label_length = way.label != 0 ? static_cast<uint32_t>(kLabelLength) : 0;
  const uint32_t sealed_length = way.sa->sealed_length(length + label_length);
  if (!make_room(sealed_length)) {
    counters_.drop(DropReason::kBrokenInvariant, wanted);
    return {nullptr, 0, 0};
  }
  const uint32_t count =
      wanted == 1
          ? 1
          : std::min({wanted, (kBytes - used_) / sealed_length,
                      std::max(io::kMaxTrainBytes / sealed_length, 1u), io::kMaxTrainPackets});
  ipsec::SealSlot& slot = next_slot(way, length + label_length, count, sealed_length);
  slot.source = nullptr;
  uint8_t* const inner = slot.esp + way.sa->prefix_length();
  if (label_length != 0) {
    for (uint32_t i = 0; i < count; ++i) write_label(inner + i * sealed_length, way.label);
  }
  return {inner + label_length, sealed_length, count};
}

void EspSender::take(const Way& way, SuperPacket& packet) {
  static_assert(SuperPacket::kHeadroom >= kLabelLength &&
                SuperPacket::kTailroom >= ipsec::SealSlot::kTailroom);
  const uint32_t label_length = way.label != 0 ? static_cast<uint32_t>(kLabelLength) : 0;
  const uint32_t length = packet.length();
  const uint32_t sealed_length = way.sa->sealed_length(length + label_length);
  if (!make_room(sealed_length)) return counters_.drop(DropReason::kBrokenInvariant);
  ipsec::SealSlot& slot = next_slot(way, length + label_length, 1, sealed_length);
  slot.source = packet.header - label_length;
  waiting_[count_ - 1].source = std::move(packet.buffer);
  if (label_length != 0) write_label(slot.source, way.label);
}

void EspSender::flush() {
  if (count_ == 0) return;
  esp_.seal({slots_.data(), count_});
  for (uint32_t i = 0; i < count_; ++i) waiting_[i].source.reset();
  send_trains(collect_trains());
  count_ = 0;
  used_ = 0;
}

// Whether the packets of slot `next`, which lie behind those of the slot before it, may leave with
// those of slot `first`.
bool EspSender::continues_train(uint32_t first, uint32_t next) const {
  const Waiting &a = waiting_[first], &b = waiting_[next];
  const ipsec::SealSlot& before = slots_[next - 1];
  const ipsec::OutboundSa &one = *slots_[first].sa, &other = *slots_[next].sa;
  return a.tunnel == b.tunnel && a.tos == b.tos && a.may_fragment == b.may_fragment &&
         (&one == &other || one.path() == other.path()) &&
         slots_[next].esp == before.esp + before.sealed * before.esp_length;
}

uint32_t EspSender::collect_trains() {
  uint32_t train_count = 0;
  for (uint32_t i = 0; i < count_;) {
    const ipsec::SealSlot& head = slots_[i];
    if (head.drop) counters_.drop(*head.drop, head.count - head.sealed);
    const uint32_t first = i++, segment = head.esp_length;
    if (head.sealed == 0) continue;
    uint32_t length = head.sealed * segment, packets = head.sealed;
    bool is_open = true;  // until a shorter packet ended it
    for (; i < count_ && is_open; ++i) {
      const ipsec::SealSlot& slot = slots_[i];
      const uint32_t more = slot.sealed * slot.esp_length;
      is_open = slot.esp_length == segment;
      if (slot.drop || slot.esp_length > segment || (!is_open && slot.sealed > 1) ||
          packets + slot.sealed > io::kMaxTrainPackets || length + more > io::kMaxTrainBytes ||
          !continues_train(first, i)) {
        break;
      }
      packets += slot.sealed;
      length += more;
    }
    const ipsec::OuterPath path = head.sa->path();
    first_of_train_[train_count] = first;
    trains_[train_count++] = {.source = to_io(path.local, path.is_udp_encapsulated),
                              .destination = to_io(path.remote, path.is_udp_encapsulated),
                              .bytes = head.esp,
                              .length = length,
                              .segment_size = segment,
                              .tos = waiting_[first].tos,
                              .may_fragment = waiting_[first].may_fragment};
  }
  return train_count;
}

// Of the packets sealed in these slots, without labels.
uint64_t EspSender::inner_bytes(uint32_t first, uint32_t end) const {
  uint64_t bytes = 0;
  for (const ipsec::SealSlot& slot : std::span(slots_).subspan(first, end - first)) {
    const auto label = slot.next_header == kNextHeaderMpls ? uint32_t{kLabelLength} : 0;
    bytes += uint64_t{slot.sealed} * (slot.inner_length - label);
  }
  return bytes;
}

void EspSender::send_trains(uint32_t count) {
  outside_.send({trains_.data(), count}, {verdicts_.data(), count});
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t packets = trains_[i].packet_count();
    const TunnelEntry& tunnel = *waiting_[first_of_train_[i]].tunnel;
    switch (verdicts_[i]) {
      case io::SendVerdict::kSent:
        counters_.add(tunnel.is_link ? Counter::kToLink : Counter::kToOffice, packets);
        tunnel.counters->packets_out.add(packets);
        tunnel.counters->bytes_out.add(
            inner_bytes(first_of_train_[i], i + 1 < count ? first_of_train_[i + 1] : count_));
        break;
      case io::SendVerdict::kTooBig:
        slots_[first_of_train_[i]].sa->mtu.underlay_mtu =
            0;  // learn it again, in the next batch at the latest
        counters_.drop(DropReason::kUnderlayBusy, packets);
        break;
      case io::SendVerdict::kBusy:
        counters_.drop(DropReason::kUnderlayBusy, packets);
        break;
      case io::SendVerdict::kUnreachable:
        counters_.drop(DropReason::kUnderlayUnreachable, packets);
        break;
    }
  }
}

}  // namespace farspan::dataplane
