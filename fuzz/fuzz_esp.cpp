// SPDX-License-Identifier: Apache-2.0
// fuzz_esp: open() on arbitrary bytes, as they are and as the text of a packet whose ICV is right.
//
// The first byte chooses the SA and whether the rest is sealed with its keys before it is opened:
// bytes alone never get past the ICV, and everything behind it (padding, next header, lengths) has
// to hold against a peer with keys.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "farspan/dataplane/ipsec/test_sas.h"

namespace farspan::ipsec {
namespace {

constexpr size_t kCount = std::size(kAllSuites);

struct Bench {
  Bench() {
    std::mt19937 random(1);
    for (size_t i = 0; i < kCount * 2; ++i) {
      SaDescription sa =
          any_sa(random, kAllSuites[i / 2], false, 0x1000 + static_cast<uint32_t>(i));
      sa.has_esn = i % 2 == 1;
      sas.push_back(std::make_unique<SaPair>(*context, *arena, sa));
    }
  }
  TemporaryFile file;
  std::unique_ptr<SequenceArena> arena = *SequenceArena::open(file.path(), 64);
  std::unique_ptr<crypto::Context> context = *crypto::Context::create();
  std::unique_ptr<EspWorker> worker = *EspWorker::create({});
  std::vector<std::unique_ptr<SaPair>> sas;
};

void check(bool claim) {
  if (!claim) std::abort();
}

void open_one(Bench& bench, InboundSa& sa, std::vector<uint8_t>& esp) {
  OpenSlot slot{&sa, esp.data(), static_cast<uint32_t>(esp.size()), {1, 2}, nullptr, 0, 0, {}};
  bench.worker->open({&slot, 1});
  if (slot.drop) {
    check(slot.inner == nullptr && slot.inner_length == 0);
  } else {
    check(slot.inner >= esp.data() && slot.inner + slot.inner_length <= esp.data() + esp.size());
  }
}

// An authentic packet around `text` as a peer with the keys but without manners could send it.
std::vector<uint8_t> authentic(Bench& bench, SaPair& sa, std::vector<uint8_t> text) {
  const crypto::Suite suite = sa.outbound.keys().suite();
  text.resize((text.size() + suite.block_length()) / suite.block_length() * suite.block_length());
  const uint32_t prefix = sa.outbound.prefix_length(),
                 length = prefix + static_cast<uint32_t>(text.size());
  std::vector<uint8_t> esp(length + suite.icv_length());
  const uint64_t sequence = sa.inbound.newest() + 1;
  const uint32_t low = __builtin_bswap32(static_cast<uint32_t>(sequence));
  const uint32_t spi = __builtin_bswap32(sa.inbound.spi());
  std::memcpy(esp.data(), &spi, 4);
  std::memcpy(esp.data() + 4, &low, 4);
  std::memcpy(esp.data() + prefix, text.data(), text.size());
  if (suite.is_aead()) {
    std::vector<uint8_t> aad(esp.begin(), esp.begin() + 8);
    if (sa.inbound.has_esn()) aad.insert(aad.begin() + 4, 4, 0);
    bench.context->aead_seal(sa.outbound.keys(), esp.data() + 8, aad,
                             {esp.data() + prefix, text.size()}, esp.data() + length);
  } else {
    const crypto::CbcHmacPacket packet{&sa.outbound.keys(), esp.data() + 8,
                                       esp.data() + prefix, static_cast<uint32_t>(text.size()),
                                       esp.data(),          length + (sa.inbound.has_esn() ? 4 : 0),
                                       esp.data() + length};
    bench.context->cbc_hmac_seal({&packet, 1});
  }
  return esp;
}

}  // namespace
}  // namespace farspan::ipsec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace farspan::ipsec;
  static Bench bench;
  if (size < 1) return 0;
  SaPair& sa = *bench.sas[data[0] / 2 % bench.sas.size()];
  std::vector<uint8_t> bytes(data + 1, data + size);
  if (data[0] % 2 == 0) {
    open_one(bench, sa.inbound, bytes);
  } else {
    std::vector<uint8_t> esp = authentic(bench, sa, bytes);
    const uint64_t before = sa.inbound.usage.packets();
    open_one(bench, sa.inbound, esp);
    check(sa.inbound.usage.packets() ==
          before + 1);  // its ICV was right: it must have come that far
  }
  return 0;
}
