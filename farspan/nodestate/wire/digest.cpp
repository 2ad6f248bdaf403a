// SPDX-License-Identifier: Apache-2.0
// digest_of: a state under its name. Two ends that name one generation ask with it whether they
// mean the same rows.
#include <openssl/evp.h>

#include <array>

#include "farspan/base/check.h"
#include "farspan/nodestate/wire/wire.h"

namespace farspan::nodestate::wire {

std::string digest_of(const NodeState& state) {
  Delta whole = snapshot(state);
  whole.to_generation = 0;
  const std::string bytes = serialize(whole);
  std::array<unsigned char, 32> digest{};
  FS_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) ==
           1);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) text += {kDigits[byte >> 4], kDigits[byte & 15]};
  return text;
}

}  // namespace farspan::nodestate::wire
