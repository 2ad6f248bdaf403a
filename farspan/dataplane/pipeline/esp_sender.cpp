// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/pipeline/esp_sender.h"

#include "farspan/base/check.h"
#include "farspan/dataplane/packet/mpls.h"
#include "farspan/dataplane/packet/super_packet.h"

namespace farspan::dataplane {
namespace {

constexpr uint8_t kNextHeaderIpv4 = 4, kNextHeaderMpls = 137;

io::Endpoint to_io(const ipsec::Endpoint& endpoint, bool is_udp) {
  return {endpoint.address, is_udp ? endpoint.port : uint16_t{0}};
}

}  // namespace

EspSender::EspSender(ipsec::EspWorker& esp, Outside& outside, NodeCounters& counters)
    : esp_(esp),
      outside_(outside),
      counters_(counters),
      bytes_(std::make_unique<uint8_t[]>(kBytes)) {}

// One slot more, for an inner packet of `length` bytes, label included.
ipsec::SealSlot& EspSender::next_slot(const Way& way, uint32_t length) {
  const uint32_t sealed_length = way.sa->sealed_length(length);
  if (count_ == kMaxSlots || used_ + sealed_length > kBytes) flush();
  FS_DCHECK(used_ + sealed_length <= kBytes);

  ipsec::SealSlot& slot = slots_[count_];
  slot.sa = way.sa;  // one by one: as a whole it would be made elsewhere and copied
  slot.esp = bytes_.get() + used_;
  slot.inner_length = length;
  slot.next_header = way.label != 0 ? kNextHeaderMpls : kNextHeaderIpv4;
  Waiting& waiting = waiting_[count_];
  waiting.path = &way.sa->path();
  waiting.tunnel = way.tunnel;
  waiting.tos = way.tos;
  ++count_;
  used_ += sealed_length;
  return slot;
}

uint8_t* EspSender::place(const Way& way, uint32_t length) {
  const uint32_t label_length = way.label != 0 ? static_cast<uint32_t>(kLabelLength) : 0;
  ipsec::SealSlot& slot = next_slot(way, length + label_length);
  slot.source = nullptr;
  uint8_t* const inner = slot.esp + way.sa->prefix_length();
  if (label_length != 0) write_label(inner, way.label);
  return inner + label_length;
}

void EspSender::take(const Way& way, uint8_t* inner, uint32_t length) {
  static_assert(SuperPacket::kHeadroom >= kLabelLength &&
                SuperPacket::kTailroom >= ipsec::SealSlot::kTailroom);
  const uint32_t label_length = way.label != 0 ? static_cast<uint32_t>(kLabelLength) : 0;
  ipsec::SealSlot& slot = next_slot(way, length + label_length);
  slot.source = inner - label_length;
  if (label_length != 0) write_label(slot.source, way.label);
  ++taken_;
}

void EspSender::flush() {
  if (count_ == 0) return;
  esp_.seal({slots_.data(), count_});
  send_trains(collect_trains());
  count_ = 0;
  used_ = 0;
}

bool EspSender::continues_train(uint32_t first, uint32_t next) const {
  const Waiting &a = waiting_[first], &b = waiting_[next];
  return a.tunnel == b.tunnel && (a.path == b.path || *a.path == *b.path) && a.tos == b.tos &&
         slots_[next].esp == slots_[next - 1].esp + slots_[next - 1].esp_length;
}

uint32_t EspSender::collect_trains() {
  uint32_t train_count = 0;
  for (uint32_t i = 0; i < count_;) {
    if (slots_[i].drop) {
      counters_.drop(*slots_[i].drop);
      ++i;
      continue;
    }
    const uint32_t first = i, segment = slots_[first].esp_length;
    const ipsec::OuterPath& path = *waiting_[first].path;
    uint32_t length = segment;
    bool is_open = true;  // until a shorter packet ended it
    for (++i; i < count_ && is_open && i - first < io::kMaxTrainPackets; ++i) {
      const ipsec::SealSlot& slot = slots_[i];
      if (slot.drop || slot.esp_length > segment || length + slot.esp_length > io::kMaxTrainBytes ||
          !continues_train(first, i)) {
        break;
      }
      is_open = slot.esp_length == segment;
      length += slot.esp_length;
    }
    first_of_train_[train_count] = first;
    trains_[train_count++] = {.source = to_io(path.local, path.is_udp_encapsulated),
                              .destination = to_io(path.remote, path.is_udp_encapsulated),
                              .bytes = slots_[first].esp,
                              .length = length,
                              .segment_size = segment,
                              .tos = waiting_[first].tos};
  }
  return train_count;
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
        tunnel.counters->bytes_out.add(trains_[i].length);
        break;
      case io::SendVerdict::kTooBig:
        slots_[first_of_train_[i]].sa->mtu.underlay_mtu =
            0;  // learn it again before the next packet
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
