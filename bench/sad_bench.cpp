// SPDX-License-Identifier: Apache-2.0
// What many tunnels cost charon's thread: installed one by one as charon asks for them, rekeyed,
// asked about. Prints processor time and memory.
//
//   sad_bench [TUNNELS]      10,000 without
#include <fmt/format.h>
#include <time.h>

#include <cstdlib>
#include <fstream>

#include "farspan/dataplane/ipsec/sad.h"
#include "farspan/dataplane/ipsec/test_sas.h"

namespace {

using namespace farspan;
using namespace farspan::ipsec;

constexpr crypto::Suite kGcm = {crypto::Cipher::kAesGcm256, crypto::Integrity::kAead};
constexpr double kOwnBytes = 4200;  // of a pair of SAs with its slots

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double resident_mib() {
  std::ifstream file("/proc/self/statm");
  long all = 0, resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

class Node {
 public:
  Node() {
    sad_.hello(1);
    sad_.synced(1);
  }
  void bring_up(uint32_t tunnel, uint32_t round) {
    for (const bool is_inbound : {true, false}) {
      SaDescription sa = any_sa(random_, kGcm, is_inbound, spi_of(tunnel, round));
      sa.tunnel = tunnel;
      sa.hard_seconds = 3600;
      FS_CHECK(sad_.add(sa, 1) == SadVerdict::kOk);
    }
    FS_CHECK(sad_.add_policy(policy(tunnel, spi_of(tunnel, round)), 1) == SadVerdict::kOk);
  }
  void trap(uint32_t tunnel) {
    PolicyDescription description = policy(tunnel, 0);
    description.priority = 2;
    FS_CHECK(sad_.add_policy(description, 1) == SadVerdict::kOk);
  }
  void rekey(uint32_t tunnel, uint32_t round) {
    bring_up(tunnel, round + 1);
    const uint32_t spi = spi_of(tunnel, round);
    FS_CHECK(sad_.remove_policy(policy(tunnel, spi)) == SadVerdict::kOk);
    FS_CHECK(sad_.remove({true, spi, 0}) == SadVerdict::kOk);
    FS_CHECK(sad_.remove({false, spi, tunnel}) == SadVerdict::kOk);
  }
  Sad& sad() { return sad_; }

 private:
  static PolicyDescription policy(uint32_t tunnel, uint32_t spi) {
    PolicyDescription description;
    description.tunnel = tunnel;
    description.spi = spi;
    return description;
  }
  static uint32_t spi_of(uint32_t tunnel, uint32_t round) {
    return Sad::kFirstSpi + round * 0x10000 + tunnel;
  }

  std::mt19937 random_{9};
  TemporaryFile file_;
  std::unique_ptr<crypto::Context> context_ = *crypto::Context::create();
  std::unique_ptr<SequenceArena> arena_ = *SequenceArena::open(file_.path());
  Sad sad_{*arena_, *context_};
};

/// Prints what `act` costs, done `count` times.
template <class Do>
void measure(const char* what, uint32_t count, Do act) {
  const double memory = resident_mib(), before = cpu_seconds();
  for (uint32_t i = 0; i < count; ++i) act(i);
  const double seconds = cpu_seconds() - before;
  fmt::print("{:44} {:9.1f} ms {:8.2f} us each {:+8.1f} MiB\n", what, seconds * 1e3,
             seconds * 1e6 / count, resident_mib() - memory);
}

}  // namespace

int main(int argc, char** argv) {
  const uint32_t tunnels = argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1])) : 10'000;
  Node node;
  const double before = resident_mib();
  const uint32_t half = tunnels / 2;
  measure("first half of the tunnels, one by one", half,
          [&](uint32_t i) { node.bring_up(1 + i, 0); });
  measure("second half", tunnels - half, [&](uint32_t i) { node.bring_up(1 + half + i, 0); });
  fmt::print("{:44} {:+30.1f} MiB over the SAs' own\n", "",
             resident_mib() - before - tunnels * kOwnBytes / (1 << 20));
  measure("as many trap policies, one by one", tunnels,
          [&](uint32_t i) { node.trap(100'000 + i); });
  measure("first rekey of a tunnel", 1, [&](uint32_t) { node.rekey(1, 0); });
  measure("rekeys of that tunnel", 2000, [&](uint32_t i) { node.rekey(1, 1 + i); });
  measure("a second in which nothing ends", 1000, [&](uint32_t) { node.sad().tick(2); });
  measure("rows for status", 10,
          [&](uint32_t) { FS_CHECK(node.sad().rows().size() == 2 * tunnels); });
  measure("charon says hello again", 1, [&](uint32_t) { node.sad().hello(2); });
  return 0;
}
