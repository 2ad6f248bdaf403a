// SPDX-License-Identifier: Apache-2.0
// make_certificate: one X.509 certificate from what must stand in it (RFC 5280 profile). Inside
// this folder only.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "farspan/base/result.h"
#include "farspan/controller/openssl_types.h"

namespace farspan::controller {

struct CertificatePlan {
  std::string common_name;        // at most 64 characters (ub-common-name)
  std::string alternative_names;  // "DNS:a,IP:192.0.2.1"; empty: none
  bool is_ca = false;             // else: client and server authentication
  std::chrono::system_clock::time_point now;
  std::chrono::days lifetime{365};
};

/// A certificate for `subject_key`, signed by `issuer_key`; `issuer` is null when it signs itself.
Result<X509Ptr> make_certificate(const CertificatePlan& plan, EVP_PKEY* subject_key, X509* issuer,
                                 EVP_PKEY* issuer_key);

/// A fresh EC P-384 key.
Result<PkeyPtr> make_key();

/// The key of `certificate` (SubjectPublicKeyInfo, DER), to compare keys by.
std::string public_key_of(X509* certificate);
/// The certificate in `pem`, or null.
X509Ptr certificate_from_pem(std::string_view pem);
std::chrono::system_clock::time_point begin_of(X509* certificate);
std::chrono::system_clock::time_point end_of(X509* certificate);

Error openssl_error(std::string what);

}  // namespace farspan::controller
