// SPDX-License-Identifier: Apache-2.0
// Identity: how this node proves who it is: a key made here that never leaves, and a certificate of
// the controller's CA.
//
//   <state directory>/node.key   EC P-256, PKCS#8 PEM, 0600
//   <state directory>/node.crt   X.509 PEM, CN = node
//   <state directory>/ca.crt     the controller's CA, the only root this node trusts
//
// Not here: asking the controller for the certificate (enrolment.h).
// Threads: pure but for the files; one writer.
// Standards: RFC 2986 (PKCS#10), RFC 5480 (EC keys).
#pragma once

#include <chrono>
#include <string>

#include "farspan/base/result.h"

namespace farspan::agent {

struct Identity {
  std::string key;             // PEM; secret
  std::string certificate;     // PEM
  std::string ca_certificate;  // PEM

  bool operator==(const Identity&) const = default;
};

/// The identity kept in `directory`. kNotFound before enrolment, kInvalid when key and certificate
/// do not belong together or the certificate is another node's.
Result<Identity> load_identity(const std::string& directory, const std::string& node);

/// When the certificate of `identity` ends, and from when on it should be renewed: with a third of
/// its life left there is time for a controller that is away for months.
struct Validity {
  std::chrono::system_clock::time_point renew_at, ends_at;
};
/// @pre load_identity() made it
Validity validity_of(const Identity& identity);

/// The key in `directory`, made now when there is none. PEM.
Result<std::string> key_in(const std::string& directory);
/// A request for a certificate for `node` with the key `key`. DER.
Result<std::string> certificate_request(const std::string& key, const std::string& node);

/// Keeps what the CA answered.
/// @param certificate,ca_certificate  DER, as they came
/// @param pinned_ca                   PEM, as the enrolment bundle brought it or as it is known
/// already: anything else is kDenied
/// @return kInvalid when the certificate is not for this key and node, or not signed by that CA
Status keep_certificate(const std::string& directory, const std::string& node,
                        const std::string& certificate, const std::string& ca_certificate,
                        const std::string& pinned_ca);

}  // namespace farspan::agent
