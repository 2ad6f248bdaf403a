// SPDX-License-Identifier: Apache-2.0
#include "farspan/crypto/keys.h"

#include <intel-ipsec-mb.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "farspan/base/check.h"
#include "farspan/crypto/context.h"

namespace farspan::crypto {
namespace {

constexpr size_t kLargestBlock = 128;  // SHA-384 and SHA-512; the others have 64

size_t hash_block(Integrity integrity) {
  return integrity == Integrity::kHmacSha384_192 || integrity == Integrity::kHmacSha512_256 ? 128
                                                                                            : 64;
}

void hash_one_block(const IMB_MGR* mb, Integrity integrity, const uint8_t* block, void* state) {
  switch (integrity) {
    case Integrity::kHmacMd5_96:
      IMB_MD5_ONE_BLOCK(mb, block, state);
      break;
    case Integrity::kHmacSha1_96:
      IMB_SHA1_ONE_BLOCK(mb, block, state);
      break;
    case Integrity::kHmacSha256_128:
      IMB_SHA256_ONE_BLOCK(mb, block, state);
      break;
    case Integrity::kHmacSha384_192:
      IMB_SHA384_ONE_BLOCK(mb, block, state);
      break;
    case Integrity::kHmacSha512_256:
      IMB_SHA512_ONE_BLOCK(mb, block, state);
      break;
    case Integrity::kAead:
      break;
  }
}

// The state of the hash after the key xored with `pad`: what HMAC starts from (RFC 2104 §4).
void expand_pad(const IMB_MGR* mb, Integrity integrity, std::span<const uint8_t> key, uint8_t pad,
                void* state) {
  std::array<uint8_t, kLargestBlock> block;
  block.fill(pad);
  for (size_t i = 0; i < key.size(); ++i) block[i] = static_cast<uint8_t>(key[i] ^ pad);
  hash_one_block(mb, integrity, block.data(), state);
  zeroize(block);
}

}  // namespace

Keys::Keys(const Context& context, Suite suite, std::span<const uint8_t> encryption,
           std::span<const uint8_t> integrity)
    : suite_(suite) {
  // What the library fills; its struct ends in 16 bytes of alignment that Keys uses itself.
  static_assert(offsetof(gcm_key_data, ghash_keys) + sizeof(gcm_key_data::ghash_keys) == kGcmBytes);
  FS_CHECK(encryption.size() == suite.key_length() + suite.salt_length());
  const IMB_MGR* mb = context.mb_;
  if (suite.is_aead()) {
    auto* gcm = reinterpret_cast<gcm_key_data*>(schedules_.data());
    if (suite.cipher == Cipher::kChaCha20Poly1305) {
      std::memcpy(schedules_.data(), encryption.data(), suite.key_length());
    } else if (suite.cipher == Cipher::kAesGcm128) {
      IMB_AES128_GCM_PRE(mb, encryption.data(), gcm);
    } else if (suite.cipher == Cipher::kAesGcm192) {
      IMB_AES192_GCM_PRE(mb, encryption.data(), gcm);
    } else {
      IMB_AES256_GCM_PRE(mb, encryption.data(), gcm);
    }
    std::copy_n(encryption.data() + suite.key_length(), salt_.size(), salt_.begin());
    return;
  }
  FS_CHECK(!integrity.empty() && integrity.size() <= hash_block(suite.integrity));
  expand_cbc(context, encryption);
  expand_pad(mb, suite.integrity, integrity, 0x36, schedules_.data() + kIpadAt);
  expand_pad(mb, suite.integrity, integrity, 0x5c, schedules_.data() + kOpadAt);
}

void Keys::expand_cbc(const Context& context, std::span<const uint8_t> key) {
  const IMB_MGR* mb = context.mb_;
  std::byte* const decrypt = schedules_.data() + kDecryptAt;
  if (suite_.cipher == Cipher::kAesCbc128) {
    IMB_AES_KEYEXP_128(mb, key.data(), schedules_.data(), decrypt);
  } else if (suite_.cipher == Cipher::kAesCbc192) {
    IMB_AES_KEYEXP_192(mb, key.data(), schedules_.data(), decrypt);
  } else if (suite_.cipher == Cipher::kAesCbc256) {
    IMB_AES_KEYEXP_256(mb, key.data(), schedules_.data(), decrypt);
  } else {  // K1, K2, K3 of RFC 2451 §2.3, or the one key of DES; parity bits mean nothing
    static_assert(kDesSchedule == IMB_DES_KEY_SCHED_SIZE && 3 * kDesSchedule <= kIpadAt);
    for (size_t i = 0; i < key.size() / 8; ++i) {
      auto* const schedule = reinterpret_cast<uint64_t*>(schedules_.data() + i * kDesSchedule);
      IMB_DES_KEYSCHED(mb, schedule, key.data() + 8 * i);
      std::memcpy(schedules_.data() + kDesKeysAt + i * sizeof schedule, &schedule, sizeof schedule);
    }
  }
}

Keys::~Keys() {
  zeroize({reinterpret_cast<uint8_t*>(schedules_.data()), schedules_.size()});
  zeroize(salt_);
}

}  // namespace farspan::crypto
