// SPDX-License-Identifier: Apache-2.0
// SAs for tests and benchmarks: an arena in a file of its own, descriptions with random keys, pairs
// of both ends.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <random>
#include <string>

#include "farspan/dataplane/ipsec/esp.h"
#include "farspan/dataplane/ipsec/inbound_sa.h"
#include "farspan/dataplane/ipsec/outbound_sa.h"

namespace farspan::ipsec {

/// An empty file, on tmpfs as in a run directory, that is removed in the end.
class TemporaryFile {
 public:
  TemporaryFile() {
    const int fd = ::mkstemp(path_.data());
    FS_CHECK(fd >= 0);
    ::close(fd);
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }
  bool remove() const { return ::unlink(path_.c_str()) == 0; }

 private:
  std::string path_ = "/dev/shm/farspan_arena_XXXXXX";
};

inline SecretBytes random_secret(std::mt19937& random, uint32_t length) {
  SecretBytes secret;
  secret.length = static_cast<uint8_t>(length);
  for (uint32_t i = 0; i < length; ++i) secret.bytes[i] = static_cast<uint8_t>(random());
  return secret;
}

/// Keys of the length the suite asks for, everything else plain: tunnel 1, all traffic, UDP 4500.
inline SaDescription any_sa(std::mt19937& random, crypto::Suite suite, bool is_inbound,
                            uint32_t spi) {
  SaDescription sa;
  sa.is_inbound = is_inbound;
  sa.spi = spi;
  sa.tunnel = 1;
  sa.suite = suite;
  sa.encryption_key = random_secret(random, suite.key_length() + suite.salt_length());
  sa.integrity_key = random_secret(random, suite.integrity_key_length());
  sa.path = {{0xC0000201, 4500}, {0xC6336401, 4500}, true};
  sa.selectors = TrafficSelectors::everything();
  return sa;
}

inline constexpr crypto::Suite kAllSuites[] = {
    {crypto::Cipher::kAesGcm128, crypto::Integrity::kAead},
    {crypto::Cipher::kAesGcm256, crypto::Integrity::kAead},
    {crypto::Cipher::kAesGcm192, crypto::Integrity::kAead},
    {crypto::Cipher::kChaCha20Poly1305, crypto::Integrity::kAead},
    {crypto::Cipher::kAesCbc128, crypto::Integrity::kHmacSha1_96},
    {crypto::Cipher::kAesCbc256, crypto::Integrity::kHmacSha1_96},
    {crypto::Cipher::kAesCbc128, crypto::Integrity::kHmacSha256_128},
    {crypto::Cipher::kAesCbc256, crypto::Integrity::kHmacSha256_128},
    {crypto::Cipher::kAesCbc256, crypto::Integrity::kHmacSha384_192},
    {crypto::Cipher::kAesCbc256, crypto::Integrity::kHmacSha512_256},
    {crypto::Cipher::kAesCbc192, crypto::Integrity::kHmacSha256_128},
    {crypto::Cipher::kAesCbc128, crypto::Integrity::kHmacMd5_96},
    {crypto::Cipher::kTripleDesCbc, crypto::Integrity::kHmacSha1_96},
    {crypto::Cipher::kTripleDesCbc, crypto::Integrity::kHmacMd5_96},
    {crypto::Cipher::kDesCbc, crypto::Integrity::kHmacMd5_96},
    {crypto::Cipher::kDesCbc, crypto::Integrity::kHmacSha1_96},
};

/// The sender's and the receiver's end of one SA.
struct SaPair {
  SaPair(const crypto::Context& context, SequenceArena& arena, SaDescription description)
      : outbound(context, ended(description, false), slot(arena, description, false)),
        inbound(context, ended(description, true), slot(arena, description, true)) {}

  OutboundSa outbound;
  InboundSa inbound;

 private:
  static SaDescription ended(SaDescription description, bool is_inbound) {
    description.is_inbound = is_inbound;
    return description;
  }
  static SlotClaim slot(SequenceArena& arena, const SaDescription& description, bool is_inbound) {
    KeyFingerprint fingerprint{};
    for (size_t i = 0; i < fingerprint.size(); ++i)
      fingerprint[i] = description.encryption_key.bytes[i];
    return {arena,
            *arena.claim(is_inbound, description.spi, fingerprint, description.replay_window)};
  }
};

}  // namespace farspan::ipsec
