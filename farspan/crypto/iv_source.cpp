// SPDX-License-Identifier: Apache-2.0
#include "farspan/crypto/iv_source.h"

#include <sys/random.h>

#include <cstring>

#include "farspan/base/check.h"

namespace farspan::crypto {

IvSource::IvSource(Context& context) : context_(context) {
  // 32 bytes are given whole and without interruption once the system's pool is ready
  // (getrandom(2)).
  FS_CHECK(::getrandom(key_.data(), key_.size(), 0) == static_cast<ssize_t>(key_.size()));
}

IvSource::~IvSource() {
  zeroize(key_);
  zeroize(stream_);
}

void IvSource::next(std::span<uint8_t> iv) {
  if (used_ == kIvs) refill();
  std::memcpy(iv.data(), stream_.data() + 16 * used_, iv.size());
  zeroize({stream_.data() + 16 * used_, 16});
  ++used_;
}

void IvSource::refill() {
  std::array<uint8_t, 32 + 16 * kIvs> run;
  context_.key_stream(key_, run);
  std::memcpy(key_.data(), run.data(), key_.size());
  std::memcpy(stream_.data(), run.data() + key_.size(), stream_.size());
  zeroize(run);
  used_ = 0;
}

}  // namespace farspan::crypto
