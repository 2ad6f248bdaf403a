// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/pipeline/pipeline.h"

namespace farspan::dataplane {
namespace {
constexpr uint32_t kFlowsAgedPerBatch = 32;  // some microseconds, even if all of them go
}

Pipeline::Pipeline(Outside& outside, io::BufferPool& pool, ipsec::EspWorker& esp,
                   ipsec::SaEventSink events, NodeCounters& counters, PipelineLimits limits)
    : outside_(outside),
      pool_(pool),
      esp_(esp),
      events_(events),
      counters_(counters),
      flows_(limits.flows),
      reassembler_(limits.reassembly, pool),
      sender_(esp, outside, counters),
      icmp_limit_(limits.icmp),
      burst_(std::make_unique<std::array<Passage, kBurst>>()),
      fragment_bytes_(std::make_unique<uint8_t[]>(2 * (SuperPacket::kMaxLength + 1))) {
  counters_.set(Counter::kFlowsLimit, flows_.capacity());
}

void Pipeline::begin_batch(const Tables& tables, const ipsec::SadView& sad, Instant now) {
  tables_ = &tables;
  sad_ = &sad;
  now_ = now;
  now_ms_ = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  now_seconds_ =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now_ms_).count());
  esp_.set_now(now_seconds_);
  follow_routes();
  if (std::exchange(changed_mtus_, tables.changed_mtus) != tables.changed_mtus) ++path_epoch_;
  sas_version_ = sad.version();
}

void Pipeline::end_batch() {
  probe_links();
  sender_.flush();
  flows_.age(now_ms_, kFlowsAgedPerBatch);
  counters_.set(Counter::kFlows, flows_.size());
  counters_.set(Counter::kFlowsEvicted, flows_.evicted());
  if (const uint32_t late = reassembler_.expire(now_); late > 0)
    counters_.drop(DropReason::kFragmentTimeout, late);
  tables_ = nullptr;
  sad_ = nullptr;
}

}  // namespace farspan::dataplane
