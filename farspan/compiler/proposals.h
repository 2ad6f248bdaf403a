// SPDX-License-Identifier: Apache-2.0
// Proposals: the algorithms of a connection in strongSwan's keywords (RFC 7296 §3.3.2 transforms).
#pragma once

#include <string>

#include "farspan/model/ipsec_connection.h"

namespace farspan::compiler {

/// Which answer to extended sequence numbers (RFC 4304) is offered.
enum class EsnOffer : uint8_t {
  kEither,   // the gateway takes whatever the device can
  kNotSaid,  // the device's own configuration: nothing, which means none
};

/// "aes256-sha256-modp2048", "aes256gcm16-prfsha256-ecp384".
std::string ike_proposal(const model::IkeConfig& config);

/// "aes256gcm16-modp2048-esn-noesn". ESN exists only with IKEv2.
std::string esp_proposal(const model::IpsecConnection& connection, EsnOffer offer);

}  // namespace farspan::compiler
