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

// McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 8 and 9: 192 bits.
constexpr Vector kSpecification[] = {
    {"000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "00000000000000000000000000000000", "", "98e7247c07f0fe411c267e4384b0f600",
     "2ff58d80033927ab8ef4d4587514f0fb"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c", "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "",
     "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
     "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710acade256",
     "9924a7c8587336bfb118024db8674a14"},
};

class Gcm : public testing::TestWithParam<Vector> {
 protected:
  void SetUp() override {
    const Vector& vector = GetParam();
    std::vector<uint8_t> key = from_hex(vector.key);
    const std::vector<uint8_t> nonce = from_hex(vector.nonce);
    const Cipher cipher = key.size() == 16   ? Cipher::kAesGcm128
                          : key.size() == 24 ? Cipher::kAesGcm192
                                             : Cipher::kAesGcm256;
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

TEST_P(Gcm, SealsAsTheDocumentsSay) {
  std::vector<uint8_t> text = from_hex(GetParam().plain);
  std::array<uint8_t, 16> icv{};
  context_->aead_seal(*keys_, iv_.data(), from_hex(GetParam().aad), text, icv.data());
  EXPECT_EQ(to_hex(text), GetParam().cipher);
  EXPECT_EQ(to_hex(icv), GetParam().icv);
}

TEST_P(Gcm, OpensWhatTheySealedAndRefusesOneFlippedBit) {
  std::vector<uint8_t> text = from_hex(GetParam().cipher);
  std::vector<uint8_t> icv = from_hex(GetParam().icv);
  EXPECT_TRUE(context_->aead_open(*keys_, iv_.data(), from_hex(GetParam().aad), text, icv.data()));
  EXPECT_EQ(to_hex(text), GetParam().plain);

  text = from_hex(GetParam().cipher);
  icv[15] ^= 1;
  EXPECT_FALSE(context_->aead_open(*keys_, iv_.data(), from_hex(GetParam().aad), text, icv.data()));
}

INSTANTIATE_TEST_SUITE_P(Cavp, Gcm, testing::ValuesIn(kCavp));
INSTANTIATE_TEST_SUITE_P(Specification, Gcm, testing::ValuesIn(kSpecification));

// RFC 7634 appendix A.1: the text is an ICMP echo with its padding.
TEST(ChaCha20Poly1305, SealsAndOpensAsRfc7634Says) {
  const auto context = *Context::create();
  std::vector<uint8_t> key;
  for (unsigned i = 0; i < 36; ++i) key.push_back(static_cast<uint8_t>(0x80 + i));
  const Keys keys(*context, {Cipher::kChaCha20Poly1305, Integrity::kAead}, key, {});
  const auto iv = from_hex("1011121314151617"), aad = from_hex("0102030400000005");
  const std::string plain =
      "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f"
      "101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363701020204";
  std::vector<uint8_t> text = from_hex(plain), icv(16);
  context->aead_seal(keys, iv.data(), aad, text, icv.data());
  EXPECT_EQ(to_hex(text),
            "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb"
            "61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da"
            "9165b82829f641e0");
  EXPECT_EQ(to_hex(icv), "76aaa8266b7fb0f7b11b369907e1ad43");
  std::vector<uint8_t> altered = text;
  altered[7] ^= 1;
  EXPECT_FALSE(context->aead_open(keys, iv.data(), aad, altered, icv.data()));
  EXPECT_TRUE(context->aead_open(keys, iv.data(), aad, text, icv.data()));
  EXPECT_EQ(to_hex(text), plain);
}

}  // namespace
}  // namespace farspan::crypto
