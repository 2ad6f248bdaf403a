// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/certificate_authority.h"

#include <fmt/chrono.h>
#include <openssl/err.h>
#include <spdlog/spdlog.h>

#include "farspan/base/controller_names.h"
#include "farspan/controller/certificate.h"
#include "farspan/controller/certificate_life.h"
#include "farspan/controller/private_file.h"
#include "farspan/controller/secrets.h"
#include "farspan/net/address.h"

namespace farspan::controller {

struct CertificateAuthority::Keys {
  PkeyPtr key;
  X509Ptr certificate;
};

namespace {

constexpr std::chrono::days kCaLifetime{3650};
constexpr std::chrono::days kNodeLifetime{365};
constexpr std::chrono::days kServerLifetime{825};  // longer than any run between two upgrades

BioPtr reader_of(std::string_view bytes) {
  return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

Error half_a_ca(const std::string& directory) {
  return {ErrorCode::kInvalid, "certificate authority in " + directory, "",
          "ca.key and ca.crt cannot be read, do not fit together, or only one of them is there",
          "restore both from a backup; without them every node must enrol again"};
}

Error bad_request(std::string what) {
  return {ErrorCode::kInvalid, "EnrolRequest", "certificate_request", std::move(what),
          "send a PKCS#10 request, DER, with an EC P-256, P-384, P-521, Ed25519 or RSA key of 2048 "
          "bits or more"};
}

// 112 bits of strength is what RSA 2048 has (NIST SP 800-57 part 1, table 2); parsing larger RSA
// keys than 8192 bits only serves to keep the controller busy.
bool is_strong(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC:
    case EVP_PKEY_ED25519:
      return EVP_PKEY_get_security_bits(key) >= 128;
    case EVP_PKEY_RSA:
      return EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 8192;
    default:
      return false;
  }
}

std::string day_of(CertificateAuthority::Time time) {
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(time));
}

// Nothing to say when there is none yet: new, or stopped between the two files.
void say_why(X509* certificate, CertificateAuthority::Time now) {
  if (certificate == nullptr) return;
  const auto begin = begin_of(certificate), end = end_of(certificate);
  const std::string life = day_of(begin) + " to " + day_of(end);
  if (now < begin || now >= end)
    spdlog::error(
        "the CA's certificate is valid from {}, and it is {}: a clock was wrong when it was made. "
        "It "
        "is made anew for the same key. Nodes whose own certificate is not valid now must be "
        "enrolled again: farspan enrol NODE",
        life, day_of(now));
  else
    spdlog::warn(
        "the CA's certificate ({}) is made anew for the same key; nodes get it when they renew "
        "their own, and the old one serves as long as it is valid",
        life);
}

// With the same key and name, whoever trusts the old certificate believes what the new one signed
// as long as the old one is valid, and the other way round: no trust breaks.
Status make_anew_unless_fit(X509Ptr& certificate, EVP_PKEY* key, const std::string& path) {
  const auto now = std::chrono::system_clock::now();
  if (certificate && is_fit(certificate.get(), now)) return ok();
  if (certificate && !is_plausible(now)) {
    spdlog::error("the clock says {}: set it; until then nobody can connect", day_of(now));
    return ok();
  }
  say_why(certificate.get(), now);
  const CertificatePlan plan{"Farspan CA", "", true, now, kCaLifetime};
  auto made = make_certificate(plan, key, nullptr, key);
  if (!made) return made.error();
  certificate = *std::move(made);
  return write_private_file(path, pem_of(certificate.get()));
}

}  // namespace

CertificateAuthority::CertificateAuthority(std::unique_ptr<Keys> keys)
    : keys_(std::move(keys)),
      certificate_pem_(pem_of(keys_->certificate.get())),
      certificate_der_(der_of(keys_->certificate.get())) {}

CertificateAuthority::~CertificateAuthority() = default;

Result<std::unique_ptr<CertificateAuthority>> CertificateAuthority::open(
    const std::string& state_directory) {
  const std::string key_path = state_directory + "/ca.key";
  const std::string certificate_path = state_directory + "/ca.crt";
  const auto key_pem = read_file(key_path);
  if (!key_pem) return key_pem.error();
  const auto certificate_pem = read_file(certificate_path);
  if (!certificate_pem) return certificate_pem.error();

  if (certificate_pem->has_value() && !key_pem->has_value()) return half_a_ca(state_directory);

  auto keys = std::make_unique<Keys>();
  if (key_pem->has_value()) {
    keys->key.reset(PEM_read_bio_PrivateKey(reader_of(**key_pem).get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    if (!keys->key) return half_a_ca(state_directory);
  } else {
    auto key = make_key();
    if (!key) return key.error();
    keys->key = *std::move(key);
    const auto written = write_private_file(key_path, pem_of(keys->key.get()));
    if (!written) return written.error();
  }
  if (certificate_pem->has_value()) {
    keys->certificate.reset(
        PEM_read_bio_X509(reader_of(**certificate_pem).get(), nullptr, nullptr, nullptr));
    const bool fits =
        keys->certificate && X509_check_private_key(keys->certificate.get(), keys->key.get()) == 1;
    ERR_clear_error();
    if (!fits) return half_a_ca(state_directory);
  }
  if (const auto made = make_anew_unless_fit(keys->certificate, keys->key.get(), certificate_path);
      !made)
    return made.error();
  return std::unique_ptr<CertificateAuthority>(new CertificateAuthority(std::move(keys)));
}

Result<std::string> CertificateAuthority::renew_node(std::string_view request,
                                                     const model::Node& node,
                                                     const std::string& standing_key,
                                                     Time now) const {
  auto certificate = sign_node(request, node, now);
  if (!certificate) return certificate;
  const auto* bytes = reinterpret_cast<const unsigned char*>(certificate->data());
  const X509Ptr made(d2i_X509(nullptr, &bytes, static_cast<long>(certificate->size())));
  if (!made || public_key_of(made.get()) == standing_key)
    return bad_request("is for the key of the certificate that is to be renewed");
  return certificate;
}

Result<std::string> CertificateAuthority::sign_node(std::string_view request,
                                                    const model::Node& node, Time now) const {
  if (request.size() > kMaxRequestBytes) return bad_request("is longer than 8192 bytes");
  const auto* bytes = reinterpret_cast<const unsigned char*>(request.data());
  const unsigned char* end = bytes;
  const RequestPtr parsed(d2i_X509_REQ(nullptr, &end, static_cast<long>(request.size())));
  ERR_clear_error();
  if (!parsed || end != bytes + request.size())
    return bad_request("is not a PKCS#10 request in DER");
  EVP_PKEY* key = X509_REQ_get0_pubkey(parsed.get());
  if (key == nullptr || !is_strong(key)) return bad_request("has a key of a weak or unknown kind");
  const bool is_signed = X509_REQ_verify(parsed.get(), key) == 1;
  ERR_clear_error();
  if (!is_signed) return bad_request("is not signed by its own key");

  const CertificatePlan plan{node.meta.name, "DNS:" + node.identity(), false, now, kNodeLifetime};
  const auto certificate = make_certificate(plan, key, keys_->certificate.get(), keys_->key.get());
  if (!certificate) return certificate.error();
  return der_of(certificate->get());
}

Result<ServerIdentity> CertificateAuthority::make_server_identity(
    const std::vector<std::string>& names, Time now) const {
  const auto key = make_key();
  if (!key) return key.error();
  std::string alternatives = std::string("DNS:") + kSessionName + ",DNS:" + kEnrolmentName;
  for (const std::string& name : names)
    alternatives += (net::Address::parse(name) ? ",IP:" : ",DNS:") + name;
  const CertificatePlan plan{kSessionName, alternatives, false, now, kServerLifetime};
  const auto certificate =
      make_certificate(plan, key->get(), keys_->certificate.get(), keys_->key.get());
  if (!certificate) return certificate.error();
  return ServerIdentity{pem_of(key->get()), pem_of(certificate->get())};
}

std::string CertificateAuthority::fingerprint() const { return sha256_hex(certificate_der_); }

}  // namespace farspan::controller
