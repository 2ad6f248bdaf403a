// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/inbound_sa.h"

namespace farspan::ipsec {

InboundSa::InboundSa(const crypto::Context& context, const SaDescription& description,
                     SlotClaim claim)
    : claim_(std::move(claim)),
      window_(claim_.window()),
      spi_(description.spi),
      tunnel_(description.tunnel),
      reqid_(description.reqid),
      suite_(description.suite),
      has_esn_(description.has_esn),
      checks_replay_(description.checks_replay ||
                     description.has_esn),  // ESN inference needs the window
      path_(description.path),
      usage(description.limits),
      selectors_(description.selectors),
      keys_(context, description.suite, description.encryption_key.view(),
            description.integrity_key.view()) {}

}  // namespace farspan::ipsec
