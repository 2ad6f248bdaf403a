// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/secrets.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>

#include "farspan/base/check.h"

namespace farspan::controller {
namespace {

std::string hex(const unsigned char* bytes, size_t length) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * length);
  for (size_t i = 0; i < length; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

unsigned char random_byte() {
  unsigned char byte = 0;
  FS_CHECK(RAND_bytes(&byte, 1) == 1);
  return byte;
}

}  // namespace

std::string make_psk() {
  static constexpr std::string_view kAlphabet =
      "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  constexpr size_t kLength = 24;
  constexpr size_t kFair =
      256 / kAlphabet.size() * kAlphabet.size();  // above it, early letters would gain
  std::string psk;
  while (psk.size() < kLength) {
    const unsigned char byte = random_byte();
    if (byte < kFair) psk += kAlphabet[byte % kAlphabet.size()];
  }
  return psk;
}

std::string make_token() {
  std::array<unsigned char, 32> bytes{};
  FS_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  return hex(bytes.data(), bytes.size());
}

uint64_t make_random_number() {
  uint64_t number = 0;
  while (number == 0)
    FS_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number) == 1);
  return number;
}

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, 32> digest{};
  unsigned int length = 0;
  FS_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) ==
           1);
  return hex(digest.data(), length);
}

bool is_equal_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace farspan::controller
