// SPDX-License-Identifier: Apache-2.0
// A node's key and certificate request, as an agent makes them; for the tests of this folder.
#pragma once

#include <string>

#include "farspan/controller/openssl_types.h"

namespace farspan::controller {

struct TestRequest {
  explicit TestRequest(EVP_PKEY* made = EVP_EC_gen("P-256")) : key(made) {
    const RequestPtr request(X509_REQ_new());
    X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("someone-else"), -1, -1, 0);
    X509_REQ_set_pubkey(request.get(), key.get());
    X509_REQ_sign(request.get(), key.get(), EVP_sha256());
    unsigned char* bytes = nullptr;
    const int length = i2d_X509_REQ(request.get(), &bytes);
    der.assign(reinterpret_cast<char*>(bytes), static_cast<size_t>(length));
    OPENSSL_free(bytes);
  }

  PkeyPtr key;
  std::string der;
};

inline X509Ptr certificate_from(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  return X509Ptr(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
}

}  // namespace farspan::controller
