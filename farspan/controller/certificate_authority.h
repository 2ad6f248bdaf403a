// SPDX-License-Identifier: Apache-2.0
// CertificateAuthority: who is a node of this network, and who is its controller?
//
// A private CA (EC P-384) in the controller's state directory. It signs the certificates of nodes
// from their own requests, so that a node's key never leaves it, and the server certificate of the
// controller, whose key lives in memory only and is made anew at each start.
//
//   <state>/ca.key  PKCS#8 PEM, 0600      <state>/ca.crt  X.509 PEM
//
// Not here: who may ask for a certificate (enrolments.h); revocation: a certificate is of a node as
// long as it names the node's identity, which is the model's (model/node.h). Threads: any after
// open(). Standards: RFC 5280 (profile), RFC 2986 (requests), RFC 5480 (EC keys).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/model/node.h"

namespace farspan::controller {

struct ServerIdentity {
  std::string key_pem;  // secret
  std::string certificate_pem;
};

class CertificateAuthority {
 public:
  using Time = std::chrono::system_clock::time_point;
  static constexpr size_t kMaxRequestBytes = 8192;

  /// Loads the CA of `state_directory`, or makes one when neither file exists.
  static Result<std::unique_ptr<CertificateAuthority>> open(const std::string& state_directory);
  ~CertificateAuthority();

  /// Signs `request` (PKCS#10, DER) for `node`: CN = its name, SAN DNS:<its identity>, client and
  /// server, one year. Of the request only the key is taken. kInvalid when it is malformed, its
  /// signature is wrong or its key is weak.
  Result<std::string> sign_node(std::string_view request, const model::Node& node, Time now) const;

  /// The same for a node that has a certificate for `standing_key` (public_key_of) now. kInvalid
  /// also when the request is for that key: whoever copied it once must not keep it for ever.
  Result<std::string> renew_node(std::string_view request, const model::Node& node,
                                 const std::string& standing_key, Time now) const;

  /// A fresh key and certificate for the names that agents ask for and `names` (DNS names or
  /// addresses).
  Result<ServerIdentity> make_server_identity(const std::vector<std::string>& names,
                                              Time now) const;

  const std::string& certificate_pem() const { return certificate_pem_; }
  const std::string& certificate_der() const { return certificate_der_; }
  /// SHA-256 of the DER, in hexadecimal.
  std::string fingerprint() const;

 private:
  struct Keys;
  explicit CertificateAuthority(std::unique_ptr<Keys> keys);

  std::unique_ptr<Keys> keys_;
  std::string certificate_pem_, certificate_der_;
};

}  // namespace farspan::controller
