// SPDX-License-Identifier: Apache-2.0
// Authority: the certificate authority of a controller, before and after it is trusted.
//
// Not here: using it (connection.h).
#pragma once

#include <string>
#include <vector>

#include "farspan/cli/rest/controller_address.h"

namespace farspan::cli {

/// SHA-256 of the DER of the first certificate in `pem`, in lower-case hex; empty when there is
/// none.
std::string fingerprint_of(const std::string& pem);

/// Lower-case hex without colons and blanks, as fingerprint_of() writes it.
std::string canonical_fingerprint(std::string text);

/// The chain `address` presents in its TLS handshake, leaf first, as PEM. Nothing of it is
/// verified, and nothing else is sent or read.
Result<std::vector<std::string>> presented_chain(const ControllerAddress& address);

}  // namespace farspan::cli
