// SPDX-License-Identifier: Apache-2.0
// RuleSet: may this packet pass a port? The union of the port's security groups, compiled.
//
// The smallest priority decides and drop wins a tie, so rules are sorted by (priority, drop first)
// and the first that fits is the answer. They are kept per protocol, with the rules for any
// protocol merged in, so that a thousand TCP rules cost an ICMP packet nothing. Asked only when a
// flow is decided, not per packet.
//
// Nothing fits: ingress drops, egress accepts. A port with no group: ingress drops all, egress
// accepts.
//
// Not here: remembering the answer (flow/). Threads: immutable after compile(); any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace farspan::dataplane {

enum class RuleDirection : uint8_t { kIngress, kEgress };  // towards the instance / from it
enum class RuleVerdict : uint8_t { kAccept, kDrop };

struct Rule {
  uint8_t protocol = 0;  // IP protocol number; 0: any
  uint16_t port_low = 0,
           port_high = 65535;  // destination port; looked at for TCP and UDP rules only
  uint32_t peer = 0;           // host order; source on ingress, destination on egress
  uint8_t peer_length = 0;     // of the prefix
  RuleVerdict verdict = RuleVerdict::kAccept;
  uint16_t priority = 1;
  auto operator<=>(const Rule&) const = default;
};

class RuleSet {
 public:
  RuleSet() = default;  // of a port with no group
  static RuleSet compile(std::span<const Rule> ingress, std::span<const Rule> egress);

  /// @param destination_port  0 for protocols without ports
  /// @param peer              host order; the other end: source on ingress, destination on egress
  /// @cost                    linear in the rules of this protocol up to the one that fits
  RuleVerdict evaluate(RuleDirection direction, uint8_t protocol, uint16_t destination_port,
                       uint32_t peer) const noexcept;

 private:
  struct Compiled {
    uint32_t peer, mask;
    uint16_t port_low, port_high;
    RuleVerdict verdict;
  };
  struct Side {
    std::array<uint8_t, 256> list_of_protocol{};  // 0: the rules for any protocol
    std::vector<std::vector<Compiled>> lists;
  };
  static Side compile_side(std::span<const Rule> rules);

  std::array<Side, 2> sides_;
};

}  // namespace farspan::dataplane
