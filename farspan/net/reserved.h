// SPDX-License-Identifier: Apache-2.0
// Reserved ranges: IPv4 prefixes that no network, office or node may be given (RFC 6890 and the
// cloud's own).
#pragma once

#include <span>

#include "farspan/net/address.h"

namespace farspan::net {

struct ReservedRange {
  Prefix prefix;
  const char* use;  // "loopback", for refusals
};

std::span<const ReservedRange> reserved_ranges();

/// The first reserved range that shares an address with `prefix`, or nullptr. IPv6 has none here.
const ReservedRange* reserved_overlap(const Prefix& prefix);

/// 100.64.0.0/10: refused inside overlays (the cloud's own services), but an underlay may well use
/// it.
const Prefix& shared_address_space();

}  // namespace farspan::net
