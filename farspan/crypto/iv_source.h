// SPDX-License-Identifier: Apache-2.0
// IvSource: IVs for CBC that nobody can predict (RFC 3602 §3, RFC 2451 §2.1), without a system call
// per packet.
//
// A fast-key-erasure generator: one run of AES-256-CTR gives 64 IVs and the key of the next run, so
// that a key read from memory later tells nothing about IVs already sent. Seeded once from
// getrandom(2).
//
// Not here: AEADs, whose IV is the sequence number (esp.cpp). Threads: one per worker.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "farspan/crypto/context.h"

namespace farspan::crypto {

class IvSource {
 public:
  explicit IvSource(Context& context);  // seeded by the system
  IvSource(Context& context, const std::array<uint8_t, 32>& seed) : context_(context), key_(seed) {}
  ~IvSource();
  IvSource(const IvSource&) = delete;
  IvSource& operator=(const IvSource&) = delete;

  /// Writes the next IV, of at most 16 bytes, to `iv`.
  void next(std::span<uint8_t> iv);

 private:
  static constexpr size_t kIvs = 64;
  void refill();

  Context& context_;
  std::array<uint8_t, 32> key_;
  std::array<uint8_t, 16 * kIvs> stream_{};
  size_t used_ = kIvs;  // empty: the first next() fills it
};

}  // namespace farspan::crypto
