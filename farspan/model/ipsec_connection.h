// SPDX-License-Identifier: Apache-2.0
// IpsecConnection: the tunnel between a VPN gateway and a customer gateway.
//
// Exactly one value per algorithm and phase is offered, so what is written here is what
// the office's device must be set to; the export says it in the device's words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

enum class IkeVersion : uint8_t { kIkev1 = 1, kIkev2 = 2 };
enum class IkeMode : uint8_t { kMain, kAggressive };  // IKEv1 only
// "aes" "aes256" "aes128gcm" "aes256gcm"
enum class Encryption : uint8_t { kAes128, kAes256, kAes128Gcm, kAes256Gcm };
// phase 2: sha1, sha256; unused with GCM
enum class Integrity : uint8_t { kSha1, kSha256, kSha384, kSha512 };
enum class DhGroup : uint8_t {
  kNone = 0,
  kGroup2 = 2,
  kGroup5 = 5,
  kGroup14 = 14,
  kGroup19 = 19,
  kGroup20 = 20,
  kGroup31 = 31
};

struct IkeConfig {
  IkeVersion version = IkeVersion::kIkev2;
  IkeMode mode = IkeMode::kMain;
  Encryption encryption = Encryption::kAes256;
  Integrity integrity = Integrity::kSha256;  // with GCM: the PRF
  DhGroup dh_group = DhGroup::kGroup14;
  uint32_t lifetime_seconds = 86400;
  std::string local_id;   // the gateway's; default its public address
  std::string remote_id;  // the office's; default its address
  std::string psk;        // write-only: never in an answer, a log or an error

  bool operator==(const IkeConfig&) const = default;
};

struct IpsecConfig {
  Encryption encryption = Encryption::kAes256Gcm;
  Integrity integrity = Integrity::kSha256;
  DhGroup pfs_group = DhGroup::kGroup14;  // kNone: no PFS
  uint32_t lifetime_seconds = 86400;

  bool operator==(const IpsecConfig&) const = default;
};

struct IpsecConnection {
  static constexpr const char* kKind = "IpsecConnection";
  Meta meta;
  std::string vpn_gateway;
  std::string customer_gateway;
  // 1-5; 0.0.0.0/0 lets networks be added later without touching the device
  std::vector<net::Prefix> local_subnets;
  std::vector<net::Prefix> remote_subnets;  // 1-5; the office's
  bool is_effect_immediately = true;        // negotiate at once, not on the first packet
  bool has_dpd = true;
  IkeConfig ike;
  IpsecConfig ipsec;

  bool operator==(const IpsecConnection&) const = default;
};

}  // namespace farspan::model
