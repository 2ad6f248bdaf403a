// SPDX-License-Identifier: Apache-2.0
// Limits: the numbers of the cloud's rules that validate() enforces, in one
// place.
#pragma once

#include <cstddef>
#include <cstdint>

namespace farspan::model::limits {

inline constexpr size_t kNameLength = 63;
inline constexpr size_t kDescriptionLength = 256;
inline constexpr size_t kLabelsPerResource = 16;
inline constexpr size_t kLabelLength = 63;
inline constexpr size_t kCidrBlocksPerVpc = 6;  // the primary one and five more
inline constexpr int kShortestVpcPrefix = 8, kLongestVpcPrefix = 28;
inline constexpr size_t kVSwitchesPerVpc = 150;
inline constexpr int kShortestVSwitchPrefix = 16, kLongestVSwitchPrefix = 29;
inline constexpr size_t kGroupsPerInstance = 5;
inline constexpr size_t kRulesPerGroup = 200;
inline constexpr size_t kGroupPeersPerGroup = 20;
inline constexpr size_t kRuleDescriptionLength = 512;
inline constexpr int kLowestPriority = 1, kHighestPriority = 100;
inline constexpr size_t kSubnetsPerSide = 5;
inline constexpr size_t kPskLength = 100;
inline constexpr size_t kIdentityLength = 100;
inline constexpr uint32_t kShortestLifetimeSeconds = 60, kLongestLifetimeSeconds = 86400;
inline constexpr uint32_t kSmallestReplayWindow = 64, kLargestReplayWindow = 4096;
inline constexpr uint32_t kSmallestMtu = 576, kLargestMtu = 65535;
inline constexpr size_t kNetnsLength = 64;

// Numbers become ids of the data plane: an MPLS label is 16 + number and has 20 bits (RFC 3032);
// the highest bit of a tunnel's id says that it is a link (nodestate/node_state.h).
inline constexpr uint32_t kHighestVpcNumber = (1u << 20) - 1 - 16;
inline constexpr uint32_t kHighestTunnelNumber = 0x7fffffff;

}  // namespace farspan::model::limits
