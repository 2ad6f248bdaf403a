// SPDX-License-Identifier: Apache-2.0
// Owners of OpenSSL's objects, and their text forms. Inside this folder only.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "farspan/base/release.h"

namespace farspan::controller {

using PkeyPtr = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Release<X509_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, Release<X509_REQ_free>>;
using BioPtr = std::unique_ptr<BIO, Release<BIO_free_all>>;
using NumberPtr = std::unique_ptr<BIGNUM, Release<BN_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Release<X509_EXTENSION_free>>;

std::string pem_of(X509* certificate);
std::string pem_of(EVP_PKEY* key);
std::string der_of(X509* certificate);

}  // namespace farspan::controller
