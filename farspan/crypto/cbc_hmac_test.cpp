// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <random>

#include "farspan/crypto/context.h"
#include "farspan/crypto/test_bytes.h"

namespace farspan::crypto {
namespace {

const std::vector<uint8_t> kAnyHashKey(20, 0x0b);

std::string ascending(unsigned from, unsigned to) {
  std::vector<uint8_t> bytes;
  for (unsigned i = from; i < to; ++i) bytes.push_back(static_cast<uint8_t>(i));
  return to_hex(bytes);
}

struct CbcVector {
  std::string key, iv, plain, cipher;
  std::optional<Cipher> algorithm = {};  // nothing: AES
};

// RFC 3602 §4, cases 1, 2 and 4; NIST SP 800-38A F.2.5 for 256 bits, F.2.3 for 192. The last two
// with keys of DES' length: NIST SP 800-67 appendix B.1 (a first block in CBC is one in ECB, for an
// IV of zeros) and FIPS 81 table C1.
const CbcVector kCbc[] = {
    {"06a9214036b8a15b512e03d534120006", "3dafba429d9eb430b422da802c9fac41",
     "53696e676c6520626c6f636b206d7367", "e353779c1079aeb82708942dbe77181a"},
    {"c286696d887c9aa0611bbb3e2025a45a", "562e17996d093d28ddb3ba695a2e6f58", ascending(0, 0x20),
     "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1"},
    {"56e47a38c5598974bc46903dba290349", "8ce82eefbea0da3c44699ed7db51b7d9", ascending(0xa0, 0xe0),
     "c30e32ffedc0774e6aff6af0869f71aa0f3af07a9a31a9c684db207eb0ef8e4e"
     "35907aa632c3ffdf868bb7b29d3d46ad83ce9f9a102ee99d49a53e87f4c3da55"},
    {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
     "000102030405060708090a0b0c0d0e0f",
     "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
     "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
     "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
     "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"},
    {"8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "000102030405060708090a0b0c0d0e0f",
     "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
     "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
     "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
     "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd"},
    {"0123456789abcdef23456789abcdef01456789abcdef0123", "0000000000000000", "5468652071756663",
     "a826fd8ce53b855f", Cipher::kTripleDesCbc},
    {"0123456789abcdef", "1234567890abcdef", "4e6f77206973207468652074696d6520666f7220616c6c20",
     "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6", Cipher::kDesCbc},
};

Cipher aes_of(size_t key_bytes) {
  return key_bytes == 16   ? Cipher::kAesCbc128
         : key_bytes == 24 ? Cipher::kAesCbc192
                           : Cipher::kAesCbc256;
}

TEST(Cbc, SealsAndOpensAsTheDocumentsSay) {
  const auto context = *Context::create();
  for (const CbcVector& vector : kCbc) {
    const std::vector<uint8_t> key = from_hex(vector.key);
    const Suite suite{vector.algorithm.value_or(aes_of(key.size())), Integrity::kHmacSha1_96};
    const Keys keys(*context, suite, key, kAnyHashKey);
    std::vector<uint8_t> text = from_hex(vector.plain);
    const std::vector<uint8_t> iv = from_hex(vector.iv);
    const auto length = static_cast<uint32_t>(text.size());
    std::array<uint8_t, kMaxIcvLength> sealed_icv{}, opened_icv{};
    const CbcHmacPacket sealing{&keys,       iv.data(), text.data(),      length,
                                text.data(), length,    sealed_icv.data()};
    context->cbc_hmac_seal({&sealing, 1});
    EXPECT_EQ(to_hex(text), vector.cipher);
    const CbcHmacPacket opening{&keys,       iv.data(), text.data(),      length,
                                text.data(), length,    opened_icv.data()};
    context->cbc_hmac_open({&opening, 1});
    EXPECT_EQ(to_hex(text), vector.plain);
    EXPECT_EQ(sealed_icv, opened_icv);  // both over the ciphertext
  }
}

struct HmacVector {
  Integrity integrity;
  std::vector<uint8_t> key;
  std::string message;
  std::string mac;  // untruncated, as printed
};

// RFC 2202 §2 (MD5) and §3 (SHA-1), and RFC 4231 §4.2-4.4 (SHA-2): test cases 1, 2 and 3.
const std::vector<uint8_t> kKey1(20, 0x0b), kKey3(20, 0xaa), kKey2 = {'J', 'e', 'f', 'e'};
const std::string kMessage1 = "Hi There", kMessage2 = "what do ya want for nothing?",
                  kMessage3(50, '\xdd');
const HmacVector kHmac[] = {
    {Integrity::kHmacMd5_96, std::vector<uint8_t>(16, 0x0b), kMessage1,
     "9294727a3638bb1c13f48ef8158bfc9d"},
    {Integrity::kHmacMd5_96, kKey2, kMessage2, "750c783e6ab0b503eaa86e310a5db738"},
    {Integrity::kHmacMd5_96, std::vector<uint8_t>(16, 0xaa), kMessage3,
     "56be34521d144c88dbb8c733f0e8b3f6"},
    {Integrity::kHmacSha1_96, kKey1, kMessage1, "b617318655057264e28bc0b6fb378c8ef146be00"},
    {Integrity::kHmacSha1_96, kKey2, kMessage2, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
    {Integrity::kHmacSha1_96, kKey3, kMessage3, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
    {Integrity::kHmacSha256_128, kKey1, kMessage1,
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {Integrity::kHmacSha256_128, kKey2, kMessage2,
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {Integrity::kHmacSha256_128, kKey3, kMessage3,
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {Integrity::kHmacSha384_192, kKey1, kMessage1,
     "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"},
    {Integrity::kHmacSha384_192, kKey2, kMessage2,
     "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"},
    {Integrity::kHmacSha384_192, kKey3, kMessage3,
     "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b"},
    {Integrity::kHmacSha512_256, kKey1, kMessage1,
     "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"},
    {Integrity::kHmacSha512_256, kKey2, kMessage2,
     "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"},
    {Integrity::kHmacSha512_256, kKey3, kMessage3,
     "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"},
};

TEST(Hmac, AgreesWithRfc2202AndRfc4231TruncatedAsEspDoes) {
  const auto context = *Context::create();
  for (const HmacVector& vector : kHmac) {
    const Suite suite{Cipher::kAesCbc128, vector.integrity};
    const std::vector<uint8_t> cipher_key(16);
    const Keys keys(*context, suite, cipher_key, vector.key);
    std::vector<uint8_t> message(vector.message.begin(), vector.message.end());
    std::vector<uint8_t> icv(suite.icv_length());
    const CbcHmacPacket packet{&keys,     nullptr,        message.data(),
                               0,         message.data(), static_cast<uint32_t>(message.size()),
                               icv.data()};
    context->cbc_hmac_open({&packet, 1});
    EXPECT_EQ(to_hex(icv), vector.mac.substr(0, 2 * icv.size()));
  }
}

// A batch shares vector lanes between packets; what one packet gets must not depend on its
// neighbours.
TEST(CbcHmac, AMixedBatchGivesWhatEachPacketGivesAlone) {
  const auto context = *Context::create();
  std::mt19937 random(3602);
  const auto fill = [&](std::vector<uint8_t>& bytes) {
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  };
  constexpr Integrity kHashes[] = {Integrity::kHmacSha1_96, Integrity::kHmacSha256_128,
                                   Integrity::kHmacSha384_192, Integrity::kHmacSha512_256,
                                   Integrity::kHmacMd5_96};
  constexpr Cipher kCiphers[] = {Cipher::kAesCbc128, Cipher::kAesCbc192, Cipher::kAesCbc256,
                                 Cipher::kTripleDesCbc, Cipher::kDesCbc};
  for (int round = 0; round < 50; ++round) {
    const size_t count = 1 + random() % Context::kMaxBatch;
    std::vector<std::unique_ptr<Keys>> keys;
    std::vector<std::vector<uint8_t>> together, alone, together_icv, alone_icv;
    std::vector<uint8_t> iv(16);
    fill(iv);
    for (size_t i = 0; i < count; ++i) {
      const Suite suite{kCiphers[random() % 5], kHashes[random() % 5]};
      std::vector<uint8_t> key(suite.key_length()), hash_key(1 + random() % 64);
      fill(key);
      fill(hash_key);
      keys.push_back(std::make_unique<Keys>(*context, suite, key, hash_key));
      std::vector<uint8_t> bytes(24 + 16 * (1 + random() % 100));
      fill(bytes);
      together.push_back(bytes);
      alone.push_back(bytes);
      together_icv.emplace_back(suite.icv_length());
      alone_icv.emplace_back(suite.icv_length());
    }
    const auto packet = [&](size_t i, std::vector<uint8_t>& bytes, std::vector<uint8_t>& icv) {
      const auto length = static_cast<uint32_t>(bytes.size());
      return CbcHmacPacket{keys[i].get(), iv.data(), bytes.data() + 24, length - 24,
                           bytes.data(),  length,    icv.data()};
    };
    std::vector<CbcHmacPacket> batch;
    for (size_t i = 0; i < count; ++i) batch.push_back(packet(i, together[i], together_icv[i]));
    const std::vector<std::vector<uint8_t>> plain = together;
    context->cbc_hmac_seal(batch);
    for (size_t i = 0; i < count; ++i) {
      const CbcHmacPacket one = packet(i, alone[i], alone_icv[i]);
      context->cbc_hmac_seal({&one, 1});
    }
    ASSERT_EQ(together, alone);
    ASSERT_EQ(together_icv, alone_icv);
    context->cbc_hmac_open(batch);
    ASSERT_EQ(together, plain);
    ASSERT_EQ(together_icv, alone_icv);
  }
}

}  // namespace
}  // namespace farspan::crypto
