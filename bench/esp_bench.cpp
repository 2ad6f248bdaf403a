// SPDX-License-Identifier: Apache-2.0
// esp_bench: what seal() and open() cost per packet beside raw intel-ipsec-mb on the same bytes, in
// one run.
//
// What raw is stands in raw_crypto.h, how time is taken in measure.h.
#include <fmt/format.h>
#include <intel-ipsec-mb.h>

#include "bench/measure.h"
#include "bench/raw_crypto.h"
#include "farspan/dataplane/ipsec/test_sas.h"

namespace farspan::ipsec {
namespace {

using bench::RawCrypto;
using bench::Stopwatch;

constexpr size_t kBatch = 64;
constexpr size_t kTurns = 301;
constexpr uint32_t kRoom = 2048;

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
  RawCrypto raw_out(suite, descriptions),
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
    seal.time(kBatch, [&] { worker->seal(sealing); });
    raw_seal.time(kBatch, [&] { raw_out.run(true, theirs, sa_of, text_length); });
    open.time(kBatch, [&] { worker->open(opening); });
    raw_open.time(kBatch, [&] { raw_in.run(false, theirs, sa_of, text_length); });
    for (const OpenSlot& slot : opening) FS_CHECK(!slot.drop);
  }
  return {seal.median(), raw_seal.median(), open.median(), raw_open.median()};
}

void print() {
  const double per_ns = bench::tsc_per_ns();
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
