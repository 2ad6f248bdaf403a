// SPDX-License-Identifier: Apache-2.0
// RawCrypto: the cheapest loop intel-ipsec-mb allows over the packets of a benchmark.
//
// The same cipher over the same number of bytes with the same keys in the same order, key schedules
// prefetched, in place; no headers, sequence numbers, replay windows, padding or copies. What our
// code is compared with.
#pragma once

#include <intel-ipsec-mb.h>

#include <cstring>
#include <span>
#include <vector>

#include "farspan/base/check.h"
#include "farspan/crypto/suite.h"
#include "farspan/dataplane/ipsec/sa_description.h"

namespace farspan::bench {

/// The keys of one SA as the library wants them.
struct alignas(64) RawKeys {
  gcm_key_data gcm;
  alignas(16) uint8_t encrypt[240], decrypt[240];
  alignas(16) uint8_t ipad[64], opad[64];
};

class RawCrypto {
 public:
  RawCrypto(crypto::Suite suite, const std::vector<ipsec::SaDescription>& sas)
      : suite_(suite), mb_(alloc_mb_mgr(0)), keys_(sas.size()) {
    FS_CHECK(mb_ != nullptr);
    init_mb_mgr_auto(mb_, nullptr);
    for (size_t i = 0; i < sas.size(); ++i) expand(sas[i], keys_[i]);
  }
  ~RawCrypto() { free_mb_mgr(mb_); }
  RawCrypto(const RawCrypto&) = delete;
  RawCrypto& operator=(const RawCrypto&) = delete;

  /// One packet of `text_length` bytes behind its header at each of `packets`, in place.
  /// @param sa_of  whose keys each takes; as many as packets
  void run(bool is_sealing, std::span<uint8_t* const> packets, const size_t* sa_of,
           uint32_t text_length) {
    suite_.is_aead() ? gcm(is_sealing, packets, sa_of, text_length)
                     : cbc(is_sealing, packets, sa_of, text_length);
  }

 private:
  void expand(const ipsec::SaDescription& sa, RawKeys& keys) {
    const uint8_t* key = sa.encryption_key.bytes.data();
    if (suite_.is_aead()) {
      suite_.key_length() == 16 ? IMB_AES128_GCM_PRE(mb_, key, &keys.gcm)
                                : IMB_AES256_GCM_PRE(mb_, key, &keys.gcm);
      return;
    }
    suite_.key_length() == 16 ? IMB_AES_KEYEXP_128(mb_, key, keys.encrypt, keys.decrypt)
                              : IMB_AES_KEYEXP_256(mb_, key, keys.encrypt, keys.decrypt);
    std::memcpy(keys.ipad, sa.integrity_key.bytes.data(), 64);  // any state costs the same
    std::memcpy(keys.opad, sa.integrity_key.bytes.data(), 64);
  }

  void gcm(bool is_sealing, std::span<uint8_t* const> packets, const size_t* sa_of,
           uint32_t text_length) {
    const auto run = suite_.key_length() == 16 ? (is_sealing ? mb_->gcm128_enc : mb_->gcm128_dec)
                                               : (is_sealing ? mb_->gcm256_enc : mb_->gcm256_dec);
    static constexpr uint8_t kNonce[12] = {};
    for (size_t i = 0; i < packets.size(); ++i) {
      if (i + 2 < packets.size() && sa_of[i + 2] != sa_of[i + 1]) {
        const auto* next = reinterpret_cast<const char*>(&keys_[sa_of[i + 2]].gcm);
        for (size_t line = 0; line < sizeof(gcm_key_data); line += 64)
          __builtin_prefetch(next + line);
      }
      uint8_t* text = packets[i] + 16;
      run(&keys_[sa_of[i]].gcm, &context_, text, text, text_length, kNonce, packets[i], 12,
          text + text_length, 16);
    }
  }

  void cbc(bool is_sealing, std::span<uint8_t* const> packets, const size_t* sa_of,
           uint32_t text_length) {
    for (size_t i = 0; i < packets.size(); ++i) {
      const RawKeys& keys = keys_[sa_of[i]];
      IMB_JOB* job = IMB_GET_NEXT_JOB(mb_);
      job->cipher_mode = IMB_CIPHER_CBC;
      job->cipher_direction = is_sealing ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
      job->chain_order = is_sealing ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
      job->enc_keys = keys.encrypt;
      job->dec_keys = keys.decrypt;
      job->key_len_in_bytes = suite_.key_length();
      job->src = packets[i];
      job->dst = packets[i] + 24;
      job->cipher_start_src_offset_in_bytes = 24;
      job->msg_len_to_cipher_in_bytes = text_length;
      job->iv = packets[i] + 8;
      job->iv_len_in_bytes = 16;
      job->hash_alg = suite_.integrity == crypto::Integrity::kHmacSha1_96 ? IMB_AUTH_HMAC_SHA_1
                                                                          : IMB_AUTH_HMAC_SHA_256;
      job->hash_start_src_offset_in_bytes = 0;
      job->msg_len_to_hash_in_bytes = 24 + text_length;
      job->auth_tag_output = packets[i] + 24 + text_length;
      job->auth_tag_output_len_in_bytes = suite_.icv_length();
      job->u.HMAC._hashed_auth_key_xor_ipad = keys.ipad;
      job->u.HMAC._hashed_auth_key_xor_opad = keys.opad;
      (void)IMB_SUBMIT_JOB_NOCHECK(mb_);
    }
    while (IMB_FLUSH_JOB(mb_) != nullptr) {
    }
  }

  crypto::Suite suite_;
  IMB_MGR* mb_;
  gcm_context_data context_;
  std::vector<RawKeys> keys_;
};

}  // namespace farspan::bench
