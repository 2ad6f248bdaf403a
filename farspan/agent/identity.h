// SPDX-License-Identifier: Apache-2.0
// Identity: how this node proves who it is: a key made here that never leaves, and a certificate of
// the controller's CA.
//
//   <state directory>/node.key   EC P-256, PKCS#8 PEM, 0600
//   <state directory>/node.crt   X.509 PEM, CN = node
//   <state directory>/ca.crt     the controller's CA, the only root this node trusts
//   <state directory>/identity.next   all three, one after the other, only while they become those
//
// A key and its certificate must change together, and three files do not: identity.next is written
// whole first, and from then on the identity is what it holds; then the three are written, then it
// is removed. Whoever finds one after a crash goes on where the writer stopped.
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

/// The identity kept in `directory`, with what a crash interrupted brought to its end. kNotFound
/// before enrolment, kInvalid when key and certificate do not belong together or the certificate is
/// another node's.
Result<Identity> load_identity(const std::string& directory, const std::string& node);

/// When the certificate of `identity` ends, and from when on it should be renewed: with a third of
/// its life left there is time for a controller that is away for months.
struct Validity {
  std::chrono::system_clock::time_point renew_at, ends_at;
};
/// @pre load_identity() made it
Validity validity_of(const Identity& identity);

/// A new key, PEM; on no disk yet.
Result<std::string> make_key();
/// A request for a certificate for `node` with the key `key`. DER.
Result<std::string> certificate_request(const std::string& key, const std::string& node);

/// Keeps `key` and what the CA answered as the identity in `directory`.
/// @param certificate,ca_certificate  DER, as they came
/// @param pinned_ca                   PEM, as the enrolment bundle brought it or as it is known
/// already: anything else is kDenied, but for a newer certificate of the same CA (same name and
/// key, valid now), which takes its place
/// @return kInvalid when the certificate is not for this key and node, or not signed by that CA
Status keep_identity(const std::string& directory, const std::string& node, const std::string& key,
                     const std::string& certificate, const std::string& ca_certificate,
                     const std::string& pinned_ca);

}  // namespace farspan::agent
