// SPDX-License-Identifier: Apache-2.0
// Release: the deleter of a C library's objects, so that unique_ptr owns them.
//
//   using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
#pragma once

namespace farspan {

template <auto kRelease>
struct Release {
  template <class Object>
  void operator()(Object* object) const {
    kRelease(object);
  }
};

}  // namespace farspan
