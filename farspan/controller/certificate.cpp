// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/certificate.h"

#include <openssl/ec.h>
#include <openssl/err.h>

#include <ctime>

namespace farspan::controller {
namespace {

// Clocks of nodes may be a little behind the controller's when they first meet.
constexpr auto kBackdated = std::chrono::minutes(10);

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  return length > 0 ? std::string(data, static_cast<size_t>(length)) : std::string();
}

// An unreadable time is the beginning of all, when nothing was valid.
std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

bool set_serial(X509* certificate) {
  const NumberPtr number(BN_new());  // 159 random bits and never zero (RFC 5280 §4.1.2.2)
  return number && BN_rand(number.get(), 159, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_times(X509* certificate, const CertificatePlan& plan) {
  const std::time_t from = std::chrono::system_clock::to_time_t(plan.now - kBackdated);
  const std::time_t to = std::chrono::system_clock::to_time_t(plan.now + plan.lifetime);
  return ASN1_TIME_set(X509_getm_notBefore(certificate), from) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), to) != nullptr;
}

bool set_names(X509* certificate, const CertificatePlan& plan, X509* issuer) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const auto* name = reinterpret_cast<const unsigned char*>(plan.common_name.c_str());
  if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0) != 1) return false;
  return X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : subject) == 1;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool add_extensions(X509* certificate, X509* issuer, const CertificatePlan& plan) {
  if (!add_extension(certificate, issuer, NID_subject_key_identifier, "hash")) return false;
  if (plan.is_ca)
    return add_extension(certificate, issuer, NID_basic_constraints,
                         "critical,CA:TRUE,pathlen:0") &&
           add_extension(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
  return add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always") &&
         add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
         add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
         add_extension(certificate, issuer, NID_subject_alt_name, plan.alternative_names);
}

}  // namespace

Error openssl_error(std::string what) {
  char reason[256] = "unknown";
  const unsigned long code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  return {ErrorCode::kInternal, "certificates", "", what + ": " + reason, ""};
}

std::string pem_of(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return text_of(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

std::string der_of(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  i2d_X509_bio(bio.get(), certificate);
  return text_of(bio.get());
}

std::string public_key_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (length <= 0) return {};
  std::string key(reinterpret_cast<char*>(der), static_cast<size_t>(length));
  OPENSSL_free(der);
  return key;
}

X509Ptr certificate_from_pem(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

std::chrono::system_clock::time_point begin_of(X509* certificate) {
  return time_of(X509_get0_notBefore(certificate));
}

std::chrono::system_clock::time_point end_of(X509* certificate) {
  return time_of(X509_get0_notAfter(certificate));
}

Result<PkeyPtr> make_key() {
  PkeyPtr key(EVP_EC_gen("P-384"));
  if (!key) return openssl_error("cannot make a key");
  return key;
}

Result<X509Ptr> make_certificate(const CertificatePlan& plan, EVP_PKEY* subject_key, X509* issuer,
                                 EVP_PKEY* issuer_key) {
  X509Ptr certificate(X509_new());
  const bool is_made =
      certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
      set_serial(certificate.get()) && set_times(certificate.get(), plan) &&
      set_names(certificate.get(), plan, issuer) &&
      X509_set_pubkey(certificate.get(), subject_key) == 1 &&
      add_extensions(certificate.get(), issuer ? issuer : certificate.get(), plan) &&
      X509_sign(certificate.get(), issuer_key, EVP_sha384()) > 0;
  if (!is_made) return openssl_error("cannot make a certificate for " + plan.common_name);
  return certificate;
}

}  // namespace farspan::controller
