// SPDX-License-Identifier: Apache-2.0
// Messages of charon's plugin, for tests of what hears them: one tunnel (7) between 192.0.2.1 and
// 192.0.2.2, AES-GCM-256 with ESN in UDP.
#pragma once

#include <sys/socket.h>

#include <cstring>
#include <string>

#include "farspan/ike/protocol.h"

namespace farspan::ipsec {

inline constexpr uint32_t kSerial = 99;  // of every request

template <class T>
void append(std::string& message, const T& body) {
  message.append(reinterpret_cast<const char*>(&body), sizeof body);
}

/// A request with the right length in its header.
template <class... Bodies>
std::string request(fs_sad_type type, const Bodies&... bodies) {
  std::string message(sizeof(fs_sad_header), '\0');
  (append(message, bodies), ...);
  const fs_sad_header header{static_cast<uint16_t>(type), static_cast<uint16_t>(message.size()),
                             kSerial};
  std::memcpy(message.data(), &header, sizeof header);
  return message;
}

inline fs_host host(uint8_t last, uint16_t port) { return {AF_INET, port, {192, 0, 2, last}}; }
inline uint32_t wire(uint32_t spi) { return __builtin_bswap32(spi); }

inline fs_selector any_address() {
  fs_selector selector{};
  selector.family = AF_INET;
  selector.port_high = 65535;
  std::memset(selector.address_high, 0xff, 4);
  return selector;
}

inline fs_sad_sa gcm_sa(bool is_inbound, uint32_t spi) {
  fs_sad_sa sa{};
  sa.id = {host(is_inbound ? 2 : 1, 4500),
           host(is_inbound ? 1 : 2, 4500),
           wire(spi),
           7,
           50,
           is_inbound,
           {}};
  sa.mode = 2;
  sa.is_udp_encapsulated = 1;
  sa.has_esn = 1;
  sa.copy_dscp = 1;
  sa.replay_window = 1024;
  sa.encryption = 20;
  sa.integrity = 1024;
  sa.encryption_key_length = 36;
  std::memset(sa.encryption_key, is_inbound ? 0x11 : 0x22, 36);
  sa.source_selectors = sa.destination_selectors = 1;
  return sa;
}

inline fs_sad_policy out_policy(uint32_t spi) {
  fs_sad_policy policy{};
  policy.direction = 1;
  policy.type = 1;
  policy.priority = 1;
  policy.tunnel = 7;
  policy.spi = wire(spi);
  policy.source = host(1, 0);
  policy.destination = host(2, 0);
  policy.source_selector = policy.destination_selector = any_address();
  return policy;
}

}  // namespace farspan::ipsec
