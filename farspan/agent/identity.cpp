// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/identity.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <ctime>
#include <memory>

#include "farspan/agent/state_file.h"
#include "farspan/base/check.h"
#include "farspan/base/release.h"

namespace farspan::agent {
namespace {

constexpr size_t kMaxPem = 64 * 1024;
constexpr const char* kNext = "/identity.next";

using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using Request = std::unique_ptr<X509_REQ, Release<X509_REQ_free>>;
using Certificate = std::unique_ptr<X509, Release<X509_free>>;
using Bio = std::unique_ptr<BIO, Release<BIO_free_all>>;

Error invalid(std::string what) {
  return {ErrorCode::kInvalid, "Node certificate", "", std::move(what),
          "enrol the node anew: farspan enrol NODE"};
}
Error broken(const char* call) {
  return {ErrorCode::kInternal, "Node certificate", "", std::string(call) + " failed", ""};
}

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<size_t>(length)};
}

Key key_from(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

Certificate certificate_from_pem(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

// The whole of `der` and nothing after it.
Certificate certificate_from_der(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* end = at + der.size();
  Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  return at == end ? std::move(certificate) : nullptr;
}

Result<std::string> pem_of(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return broken("encoding a key");
  return text_of(bio.get());
}

std::string pem_of(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return text_of(bio.get());
}

std::string common_name(X509* certificate) {
  char name[256];
  const int length = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                               name, sizeof name);
  return length > 0 ? std::string(name, static_cast<size_t>(length)) : "";
}

Status check(X509* certificate, EVP_PKEY* key, const std::string& node) {
  if (X509_check_private_key(certificate, key) != 1) return invalid("is not for this node's key");
  if (common_name(certificate) != node)
    return invalid("is of Node '" + common_name(certificate) + "', not " + node);
  return ok();
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
  std::tm parts{};
  FS_CHECK(ASN1_TIME_to_tm(time, &parts) == 1);
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

// The certificate last: it is what says that the node is enrolled.
Status write_parts(const std::string& directory, const Identity& identity) {
  if (auto written = write_file(directory + "/node.key", identity.key); !written) return written;
  if (auto written = write_file(directory + "/ca.crt", identity.ca_certificate); !written)
    return written;
  if (auto written = write_file(directory + "/node.crt", identity.certificate); !written)
    return written;
  ::unlink((directory + kNext).c_str());  // should it stay, it says the same
  return ok();
}

// What a crash interrupted.
Status finish_keeping(const std::string& directory) {
  auto next = read_file(directory + kNext, kMaxPem);
  if (!next) return next.error().code == ErrorCode::kNotFound ? ok() : Status(next.error());
  const Bio bio(BIO_new_mem_buf(next->data(), static_cast<int>(next->size())));
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  const Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  const Certificate ca(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!key || !certificate || !ca) return invalid("cannot be read from " + directory + kNext);
  auto key_pem = pem_of(key.get());
  if (!key_pem) return key_pem.error();
  return write_parts(directory, {*std::move(key_pem), pem_of(certificate.get()), pem_of(ca.get())});
}

// A CA makes its certificate anew before it ends: for the same name and key, signed by that key, so
// it is no other CA. It is taken when it is good by this machine's clock too.
bool is_of_the_same_ca(X509* ca, X509* pinned) {
  if (X509_cmp(ca, pinned) == 0) return true;
  return X509_NAME_cmp(X509_get_subject_name(ca), X509_get_subject_name(pinned)) == 0 &&
         X509_verify(ca, X509_get0_pubkey(pinned)) == 1 &&
         EVP_PKEY_eq(X509_get0_pubkey(ca), X509_get0_pubkey(pinned)) == 1 &&
         X509_cmp_current_time(X509_get0_notBefore(ca)) < 0 &&
         X509_cmp_current_time(X509_get0_notAfter(ca)) > 0;
}

}  // namespace

Validity validity_of(const Identity& identity) {
  const Certificate certificate = certificate_from_pem(identity.certificate);
  FS_CHECK(certificate != nullptr);
  const auto begins_at = time_of(X509_get0_notBefore(certificate.get()));
  const auto ends_at = time_of(X509_get0_notAfter(certificate.get()));
  return {ends_at - (ends_at - begins_at) / 3, ends_at};
}

Result<Identity> load_identity(const std::string& directory, const std::string& node) {
  if (auto finished = finish_keeping(directory); !finished) return finished.error();
  Identity identity;
  const std::pair<const char*, std::string*> files[] = {{"/node.key", &identity.key},
                                                        {"/node.crt", &identity.certificate},
                                                        {"/ca.crt", &identity.ca_certificate}};
  for (const auto& [name, to] : files) {
    auto bytes = read_file(directory + name, kMaxPem);
    if (!bytes) return bytes.error();
    *to = std::move(*bytes);
  }
  const Key key = key_from(identity.key);
  const Certificate certificate = certificate_from_pem(identity.certificate);
  if (!key || !certificate) return invalid("or key cannot be read");
  if (auto checked = check(certificate.get(), key.get(), node); !checked) return checked.error();
  return identity;
}

Result<std::string> make_key() {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return broken("making a key");
  return pem_of(key.get());
}

Result<std::string> certificate_request(const std::string& key_pem, const std::string& node) {
  const Key key = key_from(key_pem);
  const Request request(X509_REQ_new());
  if (!key || !request) return broken("reading the key");
  X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  const auto* name = reinterpret_cast<const unsigned char*>(node.data());
  if (X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, name,
                                 static_cast<int>(node.size()), -1, 0) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0) {
    return broken("making a certificate request");
  }
  unsigned char* der = nullptr;
  const int length = i2d_X509_REQ(request.get(), &der);
  if (length <= 0) return broken("encoding a certificate request");
  std::string bytes(reinterpret_cast<char*>(der), static_cast<size_t>(length));
  OPENSSL_free(der);
  return bytes;
}

Status keep_identity(const std::string& directory, const std::string& node,
                     const std::string& key_pem, const std::string& certificate_der,
                     const std::string& ca_der, const std::string& pinned_ca) {
  const Certificate certificate = certificate_from_der(certificate_der);
  const Certificate ca = certificate_from_der(ca_der);
  const Certificate pinned = certificate_from_pem(pinned_ca);
  if (!certificate || !ca || !pinned) return invalid("or CA certificate cannot be read");
  if (!is_of_the_same_ca(ca.get(), pinned.get())) {
    return Error{ErrorCode::kDenied, "Node certificate", "",
                 "comes with another CA than the one that this node trusts",
                 "make a new bundle on the controller"};
  }
  if (X509_verify(certificate.get(), X509_get0_pubkey(ca.get())) != 1)
    return invalid("is not signed by the CA");
  const Key key = key_from(key_pem);
  if (!key) return invalid("'s key cannot be read");
  if (auto checked = check(certificate.get(), key.get(), node); !checked) return checked;
  const Identity identity{key_pem, pem_of(certificate.get()), pem_of(ca.get())};
  if (auto written = write_file(directory + kNext,
                                identity.key + identity.certificate + identity.ca_certificate);
      !written)
    return written;
  return write_parts(directory, identity);
}

}  // namespace farspan::agent
