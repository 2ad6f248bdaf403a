// SPDX-License-Identifier: Apache-2.0
// Context: one thread's doorway to intel-ipsec-mb: AEADs one packet at a time, CBC with HMAC in
// batches.
//
// Two shapes because the machine has two: AEADs are at full speed with one packet, CBC encryption
// and the hashes only when many packets share the vector lanes, so those come as a batch of up to
// 64, of any mix of ciphers and keys.
//
// Not here: ESP framing, replay, padding (dataplane/ipsec/esp.h); keys of SAs (keys.h); IVs
// (iv_source.h). Threads: one Context per thread, never shared. Never allocates after create().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "farspan/base/result.h"
#include "farspan/crypto/keys.h"

struct IMB_MGR;

namespace farspan::crypto {

/// One packet for CBC + HMAC. `text` is ciphered in place; `authenticated` normally contains
/// it.
struct CbcHmacPacket {
  const Keys* keys;
  const uint8_t* iv;  // a block of the cipher
  uint8_t* text;      // whole blocks; may be empty
  uint32_t text_length;
  const uint8_t* authenticated;  // starts at or before text
  uint32_t authenticated_length;
  uint8_t* icv;  // answer: suite.icv_length() bytes; may overlap the end of `authenticated`
};

class Context {
 public:
  static constexpr size_t kMaxBatch = 64;

  /// kUnavailable when the processor lacks what intel-ipsec-mb needs (AES-NI, SSE4.2).
  static Result<std::unique_ptr<Context>> create();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Encrypts what stands at `from` into `text`, which may be the same place, and writes the
  /// 16-byte ICV. The nonce is the salt of `keys` and `iv` (8 bytes).
  void aead_seal(const Keys& keys, const uint8_t* iv, std::span<const uint8_t> aad,
                 const uint8_t* from, std::span<uint8_t> text, uint8_t* icv);
  void aead_seal(const Keys& keys, const uint8_t* iv, std::span<const uint8_t> aad,
                 std::span<uint8_t> text, uint8_t* icv) {
    aead_seal(keys, iv, aad, text.data(), text, icv);
  }
  /// Decrypts `text` in place and says whether `icv` (16 bytes) was right; the text is worthless if
  /// not.
  [[nodiscard]] bool aead_open(const Keys& keys, const uint8_t* iv, std::span<const uint8_t> aad,
                               std::span<uint8_t> text, const uint8_t* icv);

  /// Encrypts, then authenticates each packet, kMaxBatch of them together.
  void cbc_hmac_seal(std::span<const CbcHmacPacket> packets);
  /// Authenticates each packet into its `icv` (to be compared by the caller), then decrypts.
  void cbc_hmac_open(std::span<const CbcHmacPacket> packets);

  /// AES-256-CTR key stream of an all-zero nonce, for the IV source only: the key must never be
  /// used twice.
  void key_stream(const std::array<uint8_t, 32>& key, std::span<uint8_t> out);
  std::array<uint8_t, 32> sha256(std::span<const uint8_t> bytes) const;

  /// "avx512", "avx2", …: what the library chose on this processor.
  const char* architecture() const;

 private:
  friend class Keys;
  struct Scratch;
  explicit Context(IMB_MGR* mb);
  void cbc_hmac(std::span<const CbcHmacPacket> packets, bool is_sealing);

  IMB_MGR* mb_;
  std::unique_ptr<Scratch> scratch_;
};

/// True when equal; takes the same time wherever they differ.
[[nodiscard]] bool equal_in_constant_time(const uint8_t* a, const uint8_t* b, size_t length);
/// Overwrites with zeros in a way the compiler may not remove.
void zeroize(std::span<uint8_t> bytes);

}  // namespace farspan::crypto
