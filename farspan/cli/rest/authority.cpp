// SPDX-License-Identifier: Apache-2.0
#include "farspan/cli/rest/authority.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <memory>

#include "farspan/base/release.h"
#include "farspan/cli/rest/connection.h"

namespace farspan::cli {
namespace {

using Certificate = std::unique_ptr<X509, Release<X509_free>>;
using Bio = std::unique_ptr<BIO, Release<BIO_free_all>>;

std::string pem_of(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_X509(bio.get(), certificate) != 1) return "";
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(length)};
}

}  // namespace

std::string fingerprint_of(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Certificate certificate(
      bio == nullptr ? nullptr : PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (certificate == nullptr ||
      X509_digest(certificate.get(), EVP_sha256(), digest.data(), &length) != 1)
    return "";
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < length; ++i) text += {kHex[digest[i] >> 4], kHex[digest[i] & 15]};
  return text;
}

std::string canonical_fingerprint(std::string text) {
  std::string canonical;
  for (const char c : text) {
    if (c == ':' || c == ' ') continue;
    canonical += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return canonical;
}

Result<std::vector<std::string>> presented_chain(const ControllerAddress& address) {
  namespace asio = boost::asio;
  asio::io_context io;
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_verify_mode(asio::ssl::verify_none);
  asio::ssl::stream<asio::ip::tcp::socket> stream(io, tls);
  if (auto connected = connect_tcp(io, stream.next_layer(), address); !connected)
    return connected.error();
  SSL_set_tlsext_host_name(stream.native_handle(), address.host.c_str());
  boost::system::error_code failed;
  stream.handshake(asio::ssl::stream_base::client, failed);
  if (failed) return unreachable(address, failed.message());
  std::vector<std::string> chain;
  STACK_OF(X509)* const presented = SSL_get_peer_cert_chain(stream.native_handle());
  for (int i = 0; presented != nullptr && i < sk_X509_num(presented); ++i)
    chain.push_back(pem_of(sk_X509_value(presented, i)));
  if (chain.empty()) return unreachable(address, "it presents no certificate");
  return chain;
}

}  // namespace farspan::cli
