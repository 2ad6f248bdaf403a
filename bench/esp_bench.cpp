// SPDX-License-Identifier: Apache-2.0
// esp_bench: what seal() and open() cost per packet beside raw intel-ipsec-mb on the same bytes, in
// one run.
//
// Raw is the cheapest loop the library allows: the same cipher over the same number of bytes with
// the same keys in the same order, key schedules prefetched, no headers, sequence numbers, replay
// windows or padding. The two are measured in turns and the median of the turns is printed, so that
// a noisy machine disturbs both alike.
//
// Cycles are those of the time-stamp counter.
#include <fmt/format.h>
#include <intel-ipsec-mb.h>
#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "farspan/dataplane/ipsec/test_sas.h"

namespace farspan::ipsec {
namespace {

constexpr size_t kBatch = 64;
constexpr size_t kTurns = 301;
constexpr uint32_t kRoom = 2048;

double tsc_per_ns() {
  const auto start = std::chrono::steady_clock::now();
  const uint64_t from = __rdtsc();
  while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(50)) {
  }
  const uint64_t cycles = __rdtsc() - from;
  return double(cycles) / double((std::chrono::steady_clock::now() - start).count());
}

class Stopwatch {
 public:
  template <class Work>
  void time(Work work) {
    const uint64_t from = __rdtsc();
    work();
    turns_.push_back(double(__rdtsc() - from) / kBatch);
  }
  double median() {
    std::nth_element(turns_.begin(), turns_.begin() + turns_.size() / 2, turns_.end());
    return turns_[turns_.size() / 2];
  }

 private:
  std::vector<double> turns_;
};

// Raw library: keys of one SA as the library wants them.
struct alignas(64) RawKeys {
  gcm_key_data gcm;
  alignas(16) uint8_t encrypt[240], decrypt[240];
  alignas(16) uint8_t ipad[64], opad[64];
};

class Raw {
 public:
  Raw(crypto::Suite suite, const std::vector<SaDescription>& sas)
      : suite_(suite), mb_(alloc_mb_mgr(0)), keys_(sas.size()) {
    FS_CHECK(mb_ != nullptr);
    init_mb_mgr_auto(mb_, nullptr);
    for (size_t i = 0; i < sas.size(); ++i) expand(sas[i], keys_[i]);
  }
  ~Raw() { free_mb_mgr(mb_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  void run(bool is_sealing, uint8_t* const* packets, const size_t* sa_of, uint32_t text_length) {
    suite_.is_aead() ? gcm(is_sealing, packets, sa_of, text_length)
                     : cbc(is_sealing, packets, sa_of, text_length);
  }

 private:
  void expand(const SaDescription& sa, RawKeys& keys) {
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

  void gcm(bool is_sealing, uint8_t* const* packets, const size_t* sa_of, uint32_t text_length) {
    const auto run = suite_.key_length() == 16 ? (is_sealing ? mb_->gcm128_enc : mb_->gcm128_dec)
                                               : (is_sealing ? mb_->gcm256_enc : mb_->gcm256_dec);
    static constexpr uint8_t kNonce[12] = {};
    for (size_t i = 0; i < kBatch; ++i) {
      if (i + 2 < kBatch && sa_of[i + 2] != sa_of[i + 1]) {
        const auto* next = reinterpret_cast<const char*>(&keys_[sa_of[i + 2]].gcm);
        for (size_t line = 0; line < sizeof(gcm_key_data); line += 64)
          __builtin_prefetch(next + line);
      }
      uint8_t* text = packets[i] + 16;
      run(&keys_[sa_of[i]].gcm, &context_, text, text, text_length, kNonce, packets[i], 12,
          text + text_length, 16);
    }
  }

  void cbc(bool is_sealing, uint8_t* const* packets, const size_t* sa_of, uint32_t text_length) {
    for (size_t i = 0; i < kBatch; ++i) {
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

struct Figures {
  double seal, raw_seal, open, raw_open;
};

Figures measure(crypto::Suite suite, uint32_t inner_length, size_t sa_count) {
  std::mt19937 random(1);
  TemporaryFile file;
  const auto arena = *SequenceArena::open(file.path());
  const auto context = *crypto::Context::create();
  const auto worker = *EspWorker::create({});
  std::vector<SaDescription> descriptions;
  std::vector<std::unique_ptr<SaPair>> sas;
  for (size_t i = 0; i < sa_count; ++i) {
    descriptions.push_back(any_sa(random, suite, false, 0x1000 + static_cast<uint32_t>(i)));
    descriptions.back().has_esn = true;
    sas.push_back(std::make_unique<SaPair>(*context, *arena, descriptions.back()));
  }
  Raw raw_out(suite, descriptions),
      raw_in(suite, descriptions);  // both directions have keys of their own

  std::vector<uint8_t> memory(2 * kBatch * kRoom);
  uint8_t *ours[kBatch], *theirs[kBatch];
  for (size_t i = 0; i < kBatch; ++i) {
    ours[i] = memory.data() + 2 * i * kRoom;
    theirs[i] = ours[i] + kRoom;
  }
  const OutboundSa& any = sas[0]->outbound;
  const uint32_t text_length =
      any.sealed_length(inner_length) - any.prefix_length() - suite.icv_length();
  Stopwatch seal, raw_seal, open, raw_open;
  size_t sa_of[kBatch];
  SealSlot sealing[kBatch];
  OpenSlot opening[kBatch];
  for (size_t turn = 0; turn < kTurns; ++turn) {
    for (size_t i = 0; i < kBatch; ++i) {
      sa_of[i] = random() % sa_count;
      SaPair& sa = *sas[sa_of[i]];
      sealing[i] = {&sa.outbound, ours[i], inner_length, 4, 0, {}};
      opening[i] = {&sa.inbound, ours[i], any.sealed_length(inner_length), {}, nullptr, 0, 0, {}};
    }
    seal.time([&] { worker->seal(sealing); });
    raw_seal.time([&] { raw_out.run(true, theirs, sa_of, text_length); });
    open.time([&] { worker->open(opening); });
    raw_open.time([&] { raw_in.run(false, theirs, sa_of, text_length); });
    for (const OpenSlot& slot : opening) FS_CHECK(!slot.drop);
  }
  return {seal.median(), raw_seal.median(), open.median(), raw_open.median()};
}

void print() {
  const double per_ns = tsc_per_ns();
  const struct {
    const char* name;
    crypto::Suite suite;
  } suites[] = {
      {"AES-128-GCM", {crypto::Cipher::kAesGcm128, crypto::Integrity::kAead}},
      {"AES-256-GCM", {crypto::Cipher::kAesGcm256, crypto::Integrity::kAead}},
      {"AES-128-CBC HMAC-SHA1", {crypto::Cipher::kAesCbc128, crypto::Integrity::kHmacSha1_96}},
      {"AES-256-CBC HMAC-SHA256",
       {crypto::Cipher::kAesCbc256, crypto::Integrity::kHmacSha256_128}}};
  fmt::print(
      "ESP transform beside raw intel-ipsec-mb {} ({}), batches of {}, TSC {:.3f} GHz; cycles (ns) "
      "per packet\n\n",
      imb_get_version_str(), (*crypto::Context::create())->architecture(), kBatch, per_ns);
  fmt::print("{:<24}{:>6}{:>6} |{:>16}{:>8}{:>7} |{:>16}{:>8}{:>7}\n", "suite", "bytes", "SAs",
             "seal", "raw", "ratio", "open", "raw", "ratio");
  for (const auto& [name, suite] : suites) {
    for (const uint32_t bytes : {64u, 512u, 1400u}) {
      for (const size_t sas : {1u, 64u, 4096u}) {
        const Figures of = measure(suite, bytes, sas);
        fmt::print(
            "{:<24}{:>6}{:>6} |{:>7.0f} ({:>5.0f}){:>9.0f}{:>7.2f} |{:>7.0f} "
            "({:>5.0f}){:>9.0f}{:>7.2f}\n",
            name, bytes, sas, of.seal, of.seal / per_ns, of.raw_seal, of.seal / of.raw_seal,
            of.open, of.open / per_ns, of.raw_open, of.open / of.raw_open);
      }
    }
  }
}

}  // namespace
}  // namespace farspan::ipsec

int main() { farspan::ipsec::print(); }
