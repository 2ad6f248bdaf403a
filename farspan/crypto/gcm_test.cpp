// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "farspan/crypto/context.h"
#include "farspan/crypto/test_bytes.h"

namespace farspan::crypto {
namespace {

struct Vector {
  std::string_view key, nonce, plain, aad, cipher, icv;
};

// NIST CAVP gcmtestvectors.zip: gcmEncryptExtIV128.rsp and gcmEncryptExtIV256.rsp, IVlen 96, Taglen
// 128.
constexpr Vector kCavp[] = {
    {"11754cd72aec309bf52f7687212e8957", "3c819d9a9bed087615030b65", "", "", "",
     "250327c674aaf477aef2675748cf6971"},
    {"fbe3467cc254f81be8e78d765a2e6333", "c6697351ff4aec29cdbaabf2", "", "67", "",
     "3659cdc25288bf499ac736c03bfc1159"},
    {"fe9bb47deb3a61e423c2231841cfd1fb", "4d328eb776f500a2f7fb47aa", "f1cc3818e421876bb6b8bbd6c9",
     "", "b88c5c1977b35b517b0aeae967", "43fd4727fe5cdb4b5b42818dea7ef8c9"},
    {"fe47fcce5fc32665d2ae399e4eec72ba", "5adb9609dbaeb58cbd6e7275",
     "7c0e88c88899a779228465074797cd4c2e1498d259b54390b85e3eef1c02df60e743f1b840382c4bccaf3bafb4ca8"
     "429bea063",
     "88319d6e1d3ffa5f987199166c8a9b56c2aeba5a",
     "98f4826f05a265e6dd2be82db241c0fbbbf9ffb1c173aa83964b7cf5393043736365253ddbc5db8778371495da76d"
     "269e5db3e",
     "291ef1982e4defedaa2249f898556b47"},
    {"b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4", "516c33929df5a3284ff463d7",
     "", "", "", "bdc1ac884d332457a1d2664f168c76f0"},
    {"31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22", "0d18e06c7c725ac9e362e1ce",
     "2db5168e932556f8089a0622981d017d", "", "fa4362189661d163fcd6a56d8bf0405a",
     "d636ac1bbedd5cc3ee727dc2ab4a9489"},
};

class Gcm : public testing::TestWithParam<Vector> {
 protected:
  void SetUp() override {
    const Vector& vector = GetParam();
    std::vector<uint8_t> key = from_hex(vector.key);
    const std::vector<uint8_t> nonce = from_hex(vector.nonce);
    const Cipher cipher = key.size() == 16 ? Cipher::kAesGcm128 : Cipher::kAesGcm256;
    key.insert(key.end(), nonce.begin(), nonce.begin() + 4);
    iv_.assign(nonce.begin() + 4, nonce.end());
    context_ = *Context::create();
    keys_ = std::make_unique<Keys>(*context_, Suite{cipher, Integrity::kAead}, key,
                                   std::span<const uint8_t>{});
  }
  std::unique_ptr<Context> context_;
  std::unique_ptr<Keys> keys_;
  std::vector<uint8_t> iv_;
};

TEST_P(Gcm, SealsAsCavpSays) {
  std::vector<uint8_t> text = from_hex(GetParam().plain);
  std::array<uint8_t, 16> icv{};
  context_->gcm_seal(*keys_, iv_.data(), from_hex(GetParam().aad), text, icv.data());
  EXPECT_EQ(to_hex(text), GetParam().cipher);
  EXPECT_EQ(to_hex(icv), GetParam().icv);
}

TEST_P(Gcm, OpensWhatCavpSealedAndRefusesOneFlippedBit) {
  std::vector<uint8_t> text = from_hex(GetParam().cipher);
  std::vector<uint8_t> icv = from_hex(GetParam().icv);
  EXPECT_TRUE(context_->gcm_open(*keys_, iv_.data(), from_hex(GetParam().aad), text, icv.data()));
  EXPECT_EQ(to_hex(text), GetParam().plain);

  text = from_hex(GetParam().cipher);
  icv[15] ^= 1;
  EXPECT_FALSE(context_->gcm_open(*keys_, iv_.data(), from_hex(GetParam().aad), text, icv.data()));
}

INSTANTIATE_TEST_SUITE_P(Cavp, Gcm, testing::ValuesIn(kCavp));

}  // namespace
}  // namespace farspan::crypto
