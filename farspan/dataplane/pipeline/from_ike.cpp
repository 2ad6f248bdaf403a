// SPDX-License-Identifier: Apache-2.0
// from_ike: a datagram of charon goes out by the port it was meant to come from; one that charon
// gives back unanswered ends here.
#include "farspan/dataplane/pipeline/pipeline.h"

namespace farspan::dataplane {

void Pipeline::from_ike(const IkeDatagram& datagram) {
  counters_.add(Counter::kFromIke);
  if (datagram.is_refused) return counters_.drop(DropReason::kIkeStranger);
  const io::Train train{.source = datagram.source,
                        .destination = datagram.destination,
                        .bytes = datagram.payload.data(),
                        .length = static_cast<uint32_t>(datagram.payload.size()),
                        .segment_size = static_cast<uint32_t>(datagram.payload.size()),
                        .tos = static_cast<uint8_t>(datagram.dscp << 2),
                        .may_fragment = true};
  io::SendVerdict verdict = io::SendVerdict::kBusy;
  outside_.send({&train, 1}, {&verdict, 1});
  switch (verdict) {
    case io::SendVerdict::kSent:
      return counters_.add(Counter::kToUnderlay);
    case io::SendVerdict::kUnreachable:
      return counters_.drop(DropReason::kUnderlayUnreachable);
    default:
      return counters_.drop(DropReason::kUnderlayBusy);
  }
}

}  // namespace farspan::dataplane
