// SPDX-License-Identifier: Apache-2.0
// fuzz_frames: what a hostile instance sends, frame after frame, through the whole pipeline.
//
// The input is a row of [how][length, 2 bytes][bytes …]. `how` says whether the bytes are a virtio
// header and a frame, or edits of the one before, [place, 2 bytes][byte] each, whether the IPv4
// checksum is made right, and whether the burst ends. Law: a node that takes frames in bursts, and
// whose flows remember their way out, sends, writes and counts, to the byte, what one does that
// takes each by itself and asks everything again.
#include <array>
#include <cstdlib>
#include <optional>
#include <vector>

#include "bench/bench_node.h"
#include "farspan/net/checksum.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;
constexpr size_t kVirtio = sizeof(VirtioHeader), kEthernet = sizeof(net::EthernetHeader);
constexpr size_t kLongest = 65536 + kVirtio + kEthernet;

void require(bool holds) {
  if (!holds) std::abort();
}

class Node final : public bench::BenchNode {
 public:
  Node() : BenchNode({crypto::Cipher::kAesGcm128, crypto::Integrity::kAead}, 2, {.flows = 16}) {}

  /// Each is a virtio header and a frame.
  void take(const std::vector<Bytes>& burst) {
    std::vector<Pipeline::PortFrame> frames;
    for (const Bytes& bytes : burst) {
      std::array<uint8_t, kVirtio> virtio{};
      std::copy_n(bytes.begin(), kVirtio, virtio.begin());
      frames.push_back({virtio_header_from(virtio), land(std::span(bytes).subspan(kVirtio))});
    }
    from_instance(frames);
  }
  bool is_like(const Node& other) const {
    for (size_t i = 0; i < kCounterNames.size(); ++i) {
      const auto counter = static_cast<Counter>(i);
      if (counters().value(counter) != other.counters().value(counter)) return false;
    }
    for (size_t i = 0; i < kDropReasonCount; ++i) {
      const auto reason = static_cast<DropReason>(i);
      if (counters().value(reason) != other.counters().value(reason)) return false;
    }
    return sent == other.sent && written == other.written;
  }

  Bytes sent, written;  // everything that left, in order

 private:
  void send(std::span<const io::Train> trains, std::span<io::SendVerdict> verdicts) override {
    for (const io::Train& train : trains) {
      for (uint32_t at = 0; at < train.length; at += train.segment_size) {
        const uint32_t length = std::min(train.segment_size, train.length - at);
        sent.push_back(train.tos);
        sent.insert(sent.end(), train.bytes + at, train.bytes + at + length);
      }
    }
    BenchNode::send(trains, verdicts);
  }
  io::WriteVerdict write_port(const PortEntry& port, std::span<const iovec> frame) override {
    for (const iovec& part : frame) {
      const auto* from = static_cast<const uint8_t*>(part.iov_base);
      written.insert(written.end(), from, from + part.iov_len);
    }
    return BenchNode::write_port(port, frame);
  }
};

std::optional<uint8_t> take_byte(std::span<const uint8_t>& input) {
  if (input.empty()) return std::nullopt;
  const uint8_t byte = input.front();
  input = input.subspan(1);
  return byte;
}

void edit(Bytes& frame, std::span<const uint8_t> edits) {
  for (; edits.size() >= 3 && !frame.empty(); edits = edits.subspan(3))
    frame[net::load_be16(edits.data()) % frame.size()] = edits[2];
}

void fix_checksum(Bytes& frame) {
  constexpr size_t kIp = kVirtio + kEthernet;
  if (frame.size() < kIp + 20) return;
  const size_t length = size_t{frame[kIp] & 15u} * 4;
  if (length < 20 || kIp + length > frame.size()) return;
  net::store_be16(&frame[kIp + 10], 0);
  net::store_be16(&frame[kIp + 10], net::internet_checksum(&frame[kIp], length));
}

}  // namespace
}  // namespace farspan::dataplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace farspan::dataplane;
  static Node together, singly;
  for (Node* node : {&together, &singly}) node->rest(std::chrono::hours(3));
  require(together.pipeline().flows().size() == 0);
  std::span<const uint8_t> input(data, size);
  Bytes frame(kVirtio);
  std::vector<Bytes> burst;
  const auto pass = [&] {
    together.take(burst);
    for (const Bytes& one : burst) {
      singly.change_policies();
      singly.take({one});
    }
    burst.clear();
    require(together.is_like(singly));
    for (Node* node : {&together, &singly}) {
      node->sent.clear();
      node->written.clear();
    }
  };
  while (const auto how = take_byte(input)) {
    if (input.size() < 2) break;
    const size_t length = std::min<size_t>(farspan::net::load_be16(input.data()), input.size() - 2);
    const auto bytes = input.subspan(2, length);
    input = input.subspan(2 + length);
    if ((*how & 1) != 0) {
      edit(frame, bytes);
    } else {
      frame.assign(bytes.begin(), bytes.end());
      frame.resize(std::clamp(frame.size(), kVirtio, kLongest));
    }
    if ((*how & 2) != 0) fix_checksum(frame);
    burst.push_back(frame);
    if ((*how & 4) == 0 || burst.size() == Pipeline::kBurst) pass();
  }
  pass();
  return 0;
}
