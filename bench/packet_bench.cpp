// SPDX-License-Identifier: Apache-2.0
// packet_bench: what parsing, cutting into segments and merging costs, per wire packet.
//
// Work is done in batches of 44 packets of 1448 B payload (one TSO read), on buffers that lie apart
// as they do in the pipeline, so that caches see what they see there.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>

#include "farspan/dataplane/packet/coalesce.h"
#include "farspan/dataplane/packet/packet_fixture.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/packet/rewrite.h"
#include "farspan/dataplane/packet/segment.h"
#include "farspan/net/checksum.h"

namespace farspan::dataplane {
namespace {

using fixture::Bytes;

constexpr uint32_t kBatch = 44;
constexpr size_t kStride = 2048;

// Reports the processor time of run(), which does `packets` packets, for each of them. Not wall
// clock and not TSC: other programs run on the machine.
template <class Run>
void measure(benchmark::State& state, uint32_t packets, Run run) {
  for (auto _ : state) run();
  using benchmark::Counter;
  const auto total = static_cast<double>(state.iterations()) * packets;
  state.counters["time/packet"] = Counter(total, Counter::kIsRate | Counter::kInvert);
}

fixture::PacketSpec segment(uint32_t index, size_t size) {
  fixture::PacketSpec spec;
  spec.tcp_options = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
  spec.id = static_cast<uint16_t>(index);
  spec.sequence = static_cast<uint32_t>(index * size);
  spec.payload = Bytes(size, static_cast<uint8_t>(index));
  return spec;
}

// kBatch packets of one flow, each in its own buffer.
struct Arrived {
  explicit Arrived(size_t size, bool is_tcp = true) : memory(kBatch * kStride) {
    for (uint32_t i = 0; i < kBatch; ++i) {
      Bytes packet =
          is_tcp ? fixture::tcp_packet(segment(i, size)) : fixture::udp_packet(segment(i, size));
      std::copy(packet.begin(), packet.end(), memory.begin() + static_cast<ptrdiff_t>(i * kStride));
      length = packet.size();
    }
  }
  std::span<uint8_t> packet(uint32_t i) { return {memory.data() + i * kStride, length}; }
  Bytes memory;
  size_t length = 0;
};

void checksum(benchmark::State& state) {
  Bytes bytes(static_cast<size_t>(state.range(0)), 7);
  measure(state, 1,
          [&] { benchmark::DoNotOptimize(net::internet_checksum(bytes.data(), bytes.size())); });
}
BENCHMARK(checksum)->Arg(20)->Arg(64)->Arg(512)->Arg(1448)->Arg(65000);

void checksum_copying(benchmark::State& state) {
  Bytes from(static_cast<size_t>(state.range(0)), 7), to(from.size());
  measure(state, 1, [&] {
    net::InternetSum sum;
    sum.add_copying(to.data(), from.data(), from.size());
    benchmark::DoNotOptimize(sum);
  });
}
BENCHMARK(checksum_copying)->Arg(64)->Arg(512)->Arg(1448);

void parsing(benchmark::State& state) {
  Arrived arrived(static_cast<size_t>(state.range(0)));
  auto views = std::make_unique<std::array<SuperPacket, kBatch>>();
  measure(state, kBatch, [&] {
    for (uint32_t i = 0; i < kBatch; ++i)
      benchmark::DoNotOptimize(parse(arrived.packet(i), (*views)[i]));
  });
}
BENCHMARK(parsing)->Arg(0)->Arg(1448);

void segmenting(benchmark::State& state) {
  const auto size = static_cast<uint16_t>(state.range(0));
  Bytes train = fixture::tcp_packet(segment(0, size_t{size} * kBatch));
  Bytes out(kBatch * kStride);
  auto view = std::make_unique<SuperPacket>();
  if (parse(train, *view)) return state.SkipWithError("malformed");
  view->checksum = Checksum::kPartial;
  view->segment_size = size;
  measure(state, kBatch, [&] {
    Segmenter segments(*view);
    for (uint8_t* to = out.data(); segments.remaining() > 0; to += kStride)
      segments.write_next(to + 28);
    benchmark::DoNotOptimize(out.data());
  });
}
BENCHMARK(segmenting)->Arg(64)->Arg(512)->Arg(1448);

// The floor for segmenting: only the bytes.
void copying(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  Bytes train(size * kBatch), out(kBatch * kStride);
  measure(state, kBatch, [&] {
    for (size_t i = 0; i < kBatch; ++i) std::memcpy(&out[i * kStride + 28], &train[i * size], size);
    benchmark::DoNotOptimize(out.data());
  });
}
BENCHMARK(copying)->Arg(1448);

// From bytes to a train: parse, verify, merge, as after opening ESP.
void coalescing(benchmark::State& state) {
  const bool is_tcp = state.range(1) == 0;
  Arrived arrived(static_cast<size_t>(state.range(0)), is_tcp);
  const Bytes first(arrived.memory.begin(),
                    arrived.memory.begin() + 64);  // finish() rewrites the head
  auto views = std::make_unique<std::array<SuperPacket, kBatch>>();
  uint32_t trains = 0;
  measure(state, kBatch, [&] {
    std::copy(first.begin(), first.end(), arrived.memory.begin());
    Coalescer coalescer;
    trains = 0;
    for (uint32_t i = 0; i < kBatch; ++i) {
      SuperPacket& view = (*views)[trains];
      benchmark::DoNotOptimize(parse(arrived.packet(i), view));
      if (!coalescer.absorb(view, 1)) ++trains;
    }
    coalescer.finish();
  });
  if (trains != 1) state.SkipWithError("not one train");
}
BENCHMARK(coalescing)->Args({64, 0})->Args({512, 0})->Args({1448, 0})->Args({1448, 1});

void changing_ttl(benchmark::State& state) {
  Arrived arrived(64);
  auto view = std::make_unique<SuperPacket>();
  if (parse(arrived.packet(0), *view)) return state.SkipWithError("malformed");
  measure(state, 1, [&] {
    if (!decrement_ttl(*view)) view->header[8] = view->parsed.ttl = 64;
  });
}
BENCHMARK(changing_ttl);

}  // namespace
}  // namespace farspan::dataplane

BENCHMARK_MAIN();
