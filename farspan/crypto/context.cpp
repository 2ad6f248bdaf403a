// SPDX-License-Identifier: Apache-2.0
#include "farspan/crypto/context.h"

#include <intel-ipsec-mb.h>
#include <string.h>

#include <cstring>

namespace farspan::crypto {
namespace {

IMB_HASH_ALG hash_of(Integrity integrity) {
  switch (integrity) {
    case Integrity::kHmacMd5_96:
      return IMB_AUTH_MD5;
    case Integrity::kHmacSha1_96:
      return IMB_AUTH_HMAC_SHA_1;
    case Integrity::kHmacSha256_128:
      return IMB_AUTH_HMAC_SHA_256;
    case Integrity::kHmacSha384_192:
      return IMB_AUTH_HMAC_SHA_384;
    case Integrity::kHmacSha512_256:
      return IMB_AUTH_HMAC_SHA_512;
    case Integrity::kAead:
      break;
  }
  return IMB_AUTH_NULL;
}

const gcm_key_data* gcm_schedule(const std::byte* schedules) {
  return reinterpret_cast<const gcm_key_data*>(schedules);
}

aes_gcm_enc_dec_t gcm_encrypt(const IMB_MGR* mb, Cipher cipher) {
  if (cipher == Cipher::kAesGcm256) return mb->gcm256_enc;
  return cipher == Cipher::kAesGcm128 ? mb->gcm128_enc : mb->gcm192_enc;
}
aes_gcm_enc_dec_t gcm_decrypt(const IMB_MGR* mb, Cipher cipher) {
  if (cipher == Cipher::kAesGcm256) return mb->gcm256_dec;
  return cipher == Cipher::kAesGcm128 ? mb->gcm128_dec : mb->gcm192_dec;
}

IMB_CIPHER_MODE cbc_of(Cipher cipher) {
  if (cipher == Cipher::kTripleDesCbc) return IMB_CIPHER_DES3;
  return cipher == Cipher::kDesCbc ? IMB_CIPHER_DES : IMB_CIPHER_CBC;
}

// Salt and IV side by side (RFC 4106 §4). Written by one store: the library reads all of it at
// once, and a read that spans several fresh stores waits until they have reached the cache.
class Nonce {
 public:
  Nonce(const uint8_t* salt, const uint8_t* iv) {
    uint32_t first;
    uint64_t rest;
    std::memcpy(&first, salt, sizeof first);
    std::memcpy(&rest, iv, sizeof rest);
    words_ = Words{first | rest << 32, rest >> 32};
  }
  const uint8_t* bytes() const { return reinterpret_cast<const uint8_t*>(&words_); }

 private:
  using Words [[gnu::vector_size(16)]] = uint64_t;
  Words words_;
};

}  // namespace

// Working memory of the library, kept here so that no packet allocates or leaves secrets on the
// stack.
struct Context::Scratch {
  gcm_context_data gcm;
  chacha20_poly1305_context_data chacha;
  IMB_ARCH architecture = IMB_ARCH_NONE;
  alignas(16) std::array<uint8_t, 16 * 15> stream_round_keys, unused_round_keys;
};

Result<std::unique_ptr<Context>> Context::create() {
  IMB_MGR* mb = alloc_mb_mgr(0);
  IMB_ARCH architecture = IMB_ARCH_NONE;
  if (mb != nullptr) init_mb_mgr_auto(mb, &architecture);
  if (mb == nullptr || imb_get_errno(mb) != 0) {
    const std::string what = mb == nullptr ? "out of memory" : imb_get_strerror(imb_get_errno(mb));
    if (mb != nullptr) free_mb_mgr(mb);
    return Error{ErrorCode::kUnavailable, "crypto", "", "intel-ipsec-mb does not start: " + what,
                 "use a processor with AES-NI and SSE4.2"};
  }
  std::unique_ptr<Context> context(new Context(mb));
  context->scratch_->architecture = architecture;
  return context;
}

Context::Context(IMB_MGR* mb) : mb_(mb), scratch_(std::make_unique<Scratch>()) {}

Context::~Context() {
  zeroize({reinterpret_cast<uint8_t*>(scratch_.get()), sizeof(Scratch)});
  free_mb_mgr(mb_);
}

void Context::aead_seal(const Keys& keys, const uint8_t* iv, std::span<const uint8_t> aad,
                        const uint8_t* from, std::span<uint8_t> text, uint8_t* icv) {
  const Nonce nonce(keys.salt_.data(), iv);
  const std::byte* const key = keys.schedules_.data();
  if (keys.suite_.cipher == Cipher::kChaCha20Poly1305) {
    IMB_CHACHA20_POLY1305_INIT(mb_, key, &scratch_->chacha, nonce.bytes(), aad.data(), aad.size());
    IMB_CHACHA20_POLY1305_ENC_UPDATE(mb_, key, &scratch_->chacha, text.data(), from, text.size());
    IMB_CHACHA20_POLY1305_ENC_FINALIZE(mb_, &scratch_->chacha, icv, 16);
    return;
  }
  gcm_encrypt(mb_, keys.suite_.cipher)(gcm_schedule(key), &scratch_->gcm, text.data(), from,
                                       text.size(), nonce.bytes(), aad.data(), aad.size(), icv, 16);
}

bool Context::aead_open(const Keys& keys, const uint8_t* iv, std::span<const uint8_t> aad,
                        std::span<uint8_t> text, const uint8_t* icv) {
  const Nonce nonce(keys.salt_.data(), iv);
  const std::byte* const key = keys.schedules_.data();
  std::array<uint8_t, 16> computed;
  if (keys.suite_.cipher == Cipher::kChaCha20Poly1305) {
    IMB_CHACHA20_POLY1305_INIT(mb_, key, &scratch_->chacha, nonce.bytes(), aad.data(), aad.size());
    IMB_CHACHA20_POLY1305_DEC_UPDATE(mb_, key, &scratch_->chacha, text.data(), text.data(),
                                     text.size());
    IMB_CHACHA20_POLY1305_DEC_FINALIZE(mb_, &scratch_->chacha, computed.data(), computed.size());
  } else {
    gcm_decrypt(mb_, keys.suite_.cipher)(gcm_schedule(key), &scratch_->gcm, text.data(),
                                         text.data(), text.size(), nonce.bytes(), aad.data(),
                                         aad.size(), computed.data(), computed.size());
  }
  return equal_in_constant_time(computed.data(), icv, computed.size());
}

void Context::cbc_hmac_seal(std::span<const CbcHmacPacket> packets) { cbc_hmac(packets, true); }
void Context::cbc_hmac_open(std::span<const CbcHmacPacket> packets) { cbc_hmac(packets, false); }

void Context::cbc_hmac(std::span<const CbcHmacPacket> packets, bool is_sealing) {
  for (; packets.size() > kMaxBatch; packets = packets.subspan(kMaxBatch))
    cbc_hmac(packets.first(kMaxBatch), is_sealing);
  for (const CbcHmacPacket& packet : packets) {
    const Keys& keys = *packet.keys;
    IMB_JOB* job = IMB_GET_NEXT_JOB(mb_);
    job->cipher_mode = packet.text_length == 0 ? IMB_CIPHER_NULL : cbc_of(keys.suite_.cipher);
    job->cipher_direction = is_sealing ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
    job->chain_order = is_sealing ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    job->enc_keys = keys.schedules_.data() + keys.encrypt_at();
    job->dec_keys = keys.schedules_.data() + keys.decrypt_at();
    job->key_len_in_bytes = keys.suite_.key_length();
    job->src = packet.authenticated;
    job->dst = packet.text;
    job->cipher_start_src_offset_in_bytes =
        static_cast<uint64_t>(packet.text - packet.authenticated);
    job->msg_len_to_cipher_in_bytes = packet.text_length;
    job->iv = packet.iv;
    job->iv_len_in_bytes = keys.suite_.iv_length();
    job->hash_alg = hash_of(keys.suite_.integrity);
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = packet.authenticated_length;
    job->auth_tag_output = packet.icv;
    job->auth_tag_output_len_in_bytes = keys.suite_.icv_length();
    job->u.HMAC._hashed_auth_key_xor_ipad =
        reinterpret_cast<const uint8_t*>(keys.schedules_.data() + Keys::kIpadAt);
    job->u.HMAC._hashed_auth_key_xor_opad =
        reinterpret_cast<const uint8_t*>(keys.schedules_.data() + Keys::kOpadAt);
    (void)IMB_SUBMIT_JOB_NOCHECK(
        mb_);  // finished jobs need no look: their answers are in the packets
  }
  while (IMB_FLUSH_JOB(mb_) != nullptr) {
  }
}

void Context::key_stream(const std::array<uint8_t, 32>& key, std::span<uint8_t> out) {
  static constexpr std::array<uint8_t, 16> kZeroCounter{};
  IMB_AES_KEYEXP_256(mb_, key.data(), scratch_->stream_round_keys.data(),
                     scratch_->unused_round_keys.data());
  std::memset(out.data(), 0, out.size());
  IMB_JOB* job = IMB_GET_NEXT_JOB(mb_);
  job->cipher_mode = IMB_CIPHER_CNTR;
  job->cipher_direction = IMB_DIR_ENCRYPT;
  job->chain_order = IMB_ORDER_CIPHER_HASH;
  job->enc_keys = scratch_->stream_round_keys.data();
  job->dec_keys = scratch_->stream_round_keys.data();
  job->key_len_in_bytes = 32;
  job->src = job->dst = out.data();
  job->cipher_start_src_offset_in_bytes = 0;
  job->msg_len_to_cipher_in_bytes = out.size();
  job->iv = kZeroCounter.data();
  job->iv_len_in_bytes = kZeroCounter.size();
  job->hash_alg = IMB_AUTH_NULL;
  (void)IMB_SUBMIT_JOB_NOCHECK(mb_);
  while (IMB_FLUSH_JOB(mb_) != nullptr) {
  }
  zeroize(scratch_->stream_round_keys);
  zeroize(scratch_->unused_round_keys);
}

std::array<uint8_t, 32> Context::sha256(std::span<const uint8_t> bytes) const {
  std::array<uint8_t, 32> digest;
  IMB_SHA256(mb_, bytes.data(), bytes.size(), digest.data());
  return digest;
}

const char* Context::architecture() const {
  switch (scratch_->architecture) {
    case IMB_ARCH_NOAESNI:
      return "no-aesni";
    case IMB_ARCH_SSE:
      return "sse";
    case IMB_ARCH_AVX:
      return "avx";
    case IMB_ARCH_AVX2:
      return "avx2";
    case IMB_ARCH_AVX512:
      return "avx512";
    default:
      return "unknown";
  }
}

bool equal_in_constant_time(const uint8_t* a, const uint8_t* b, size_t length) {
  unsigned difference = 0;
  for (size_t i = 0; i < length; ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

void zeroize(std::span<uint8_t> bytes) { ::explicit_bzero(bytes.data(), bytes.size()); }

}  // namespace farspan::crypto
