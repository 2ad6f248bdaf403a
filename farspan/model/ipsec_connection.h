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
inline constexpr Words<IkeVersion, 2> kIkeVersions = {
    {{IkeVersion::kIkev2, "ikev2"},
     {IkeVersion::kIkev1, "ikev1", "for old devices; one pair of subnets"}}};

enum class IkeMode : uint8_t { kMain, kAggressive };  // IKEv1 only
inline constexpr Words<IkeMode, 2> kIkeModes = {
    {{IkeMode::kMain, "main"},
     {IkeMode::kAggressive, "aggressive", "ikev1 only; shows the identities to everybody"}}};

enum class Encryption : uint8_t {
  kAes128,
  kAes256,
  kAes128Gcm,
  kAes256Gcm,
  kAes192,
  kAes192Gcm,
  kChaCha20Poly1305,
  kTripleDes,
  kDes
};
/// Encrypts and protects at once, without a hash.
constexpr bool is_aead(Encryption encryption) {
  return encryption == Encryption::kAes128Gcm || encryption == Encryption::kAes192Gcm ||
         encryption == Encryption::kAes256Gcm || encryption == Encryption::kChaCha20Poly1305;
}
// The cloud's words, and those of what it does not have.
inline constexpr Words<Encryption, 9> kIkeEncryptions = {
    {{Encryption::kAes256, "aes256", "AES-256-CBC"},
     {Encryption::kAes192, "aes192", "AES-192-CBC"},
     {Encryption::kAes128, "aes", "AES-128-CBC"},
     {Encryption::kAes128Gcm, "aes128gcm", "AES-128-GCM, ikev2 only"},
     {Encryption::kAes192Gcm, "aes192gcm", "AES-192-GCM, ikev2 only"},
     {Encryption::kAes256Gcm, "aes256gcm", "AES-256-GCM, ikev2 only"},
     {Encryption::kChaCha20Poly1305, "chacha20poly1305", "ChaCha20-Poly1305, ikev2 only"},
     {Encryption::kTripleDes, "3des", "3DES-CBC, for old devices"},
     {Encryption::kDes, "des", "DES-CBC, for old devices; protects from nobody"}}};
inline constexpr Words<Encryption, 9> kIpsecEncryptions = {
    {{Encryption::kAes256Gcm, "aes256gcm", "AES-256-GCM"},
     {Encryption::kAes192Gcm, "aes192gcm", "AES-192-GCM"},
     {Encryption::kAes128Gcm, "aes128gcm", "AES-128-GCM"},
     {Encryption::kChaCha20Poly1305, "chacha20poly1305",
      "ChaCha20-Poly1305, ikev2 only; for devices without AES in hardware"},
     {Encryption::kAes256, "aes256", "AES-256-CBC"},
     {Encryption::kAes192, "aes192", "AES-192-CBC"},
     {Encryption::kAes128, "aes", "AES-128-CBC"},
     {Encryption::kTripleDes, "3des", "3DES-CBC, for old devices"},
     {Encryption::kDes, "des", "DES-CBC, for old devices; protects from nobody"}}};

enum class Integrity : uint8_t { kSha1, kSha256, kSha384, kSha512, kMd5 };
inline constexpr Words<Integrity, 5> kIntegrities = {{{Integrity::kSha256, "sha256"},
                                                      {Integrity::kSha1, "sha1"},
                                                      {Integrity::kSha384, "sha384"},
                                                      {Integrity::kSha512, "sha512"},
                                                      {Integrity::kMd5, "md5", "for old devices"}}};

enum class DhGroup : uint8_t {
  kNone = 0,
  kGroup1 = 1,
  kGroup2 = 2,
  kGroup5 = 5,
  kGroup14 = 14,
  kGroup19 = 19,
  kGroup20 = 20,
  kGroup31 = 31
};
inline constexpr Words<DhGroup, 7> kDhGroups = {
    {{DhGroup::kGroup14, "group14", "MODP 2048 bits"},
     {DhGroup::kGroup1, "group1", "MODP 768 bits, for old devices; protects from nobody"},
     {DhGroup::kGroup2, "group2", "MODP 1024 bits, for old devices"},
     {DhGroup::kGroup5, "group5", "MODP 1536 bits, for old devices"},
     {DhGroup::kGroup19, "group19", "NIST P-256"},
     {DhGroup::kGroup20, "group20", "NIST P-384"},
     {DhGroup::kGroup31, "group31", "Curve25519"}}};
inline constexpr Words<DhGroup, 8> kPfsGroups = {
    {{DhGroup::kGroup14, "group14", "MODP 2048 bits"},
     {DhGroup::kNone, "disabled", "no key exchange of its own"},
     {DhGroup::kGroup1, "group1", "MODP 768 bits, for old devices; protects from nobody"},
     {DhGroup::kGroup2, "group2", "MODP 1024 bits, for old devices"},
     {DhGroup::kGroup5, "group5", "MODP 1536 bits, for old devices"},
     {DhGroup::kGroup19, "group19", "NIST P-256"},
     {DhGroup::kGroup20, "group20", "NIST P-384"},
     {DhGroup::kGroup31, "group31", "Curve25519"}}};

// Blanks, quotes of the shell and backslashes would not survive every device's configuration.
inline constexpr const char* kPskPunctuation = "~!`@#$%^&*()_-+={}[]|;:\",.<>/?";
// '%' and '*' are wildcards to charon: with them another office's device could pass for this one.
inline constexpr const char* kIdentityPunctuation = ".-_@:";

struct IkeConfig {
  IkeVersion version = IkeVersion::kIkev2;
  IkeMode mode = IkeMode::kMain;
  Encryption encryption = Encryption::kAes256;
  Integrity integrity = Integrity::kSha256;  // with GCM: the PRF
  DhGroup dh_group = DhGroup::kGroup14;
  uint32_t lifetime_seconds = 86400;
  std::string local_id;
  std::string remote_id;
  std::string psk;

  bool operator==(const IkeConfig&) const = default;
};

void describe(auto& visit, Is<IkeConfig> auto& ike) {
  visit({.name = "version", .says = "The version of IKE."}, ike.version, kIkeVersions);
  visit({.name = "mode", .says = "The exchange of phase 1; ikev1 only."}, ike.mode, kIkeModes);
  visit({.name = "encryption", .says = "The cipher of IKE's own packets."}, ike.encryption,
        kIkeEncryptions);
  visit({.name = "integrity",
         .says = "The hash that protects IKE's own packets; with gcm and chacha20poly1305 the "
                 "pseudo-random function."},
        ike.integrity, kIntegrities);
  visit({.name = "dh_group", .says = "The Diffie-Hellman group of the key exchange."}, ike.dh_group,
        kDhGroups);
  visit({.name = "lifetime_seconds",
         .says = "After this time a new IKE SA takes over.",
         .unit = "seconds",
         .least = limits::kShortestLifetimeSeconds,
         .most = limits::kLongestLifetimeSeconds},
        ike.lifetime_seconds);
  visit({.name = "local_id",
         .says = "The identity of the gateway, which the device expects.",
         .most = limits::kIdentityLength,
         .punctuation = kIdentityPunctuation,
         .if_left_out = "the node's public address",
         .example = "us-east.example.net"},
        ike.local_id);
  visit({.name = "remote_id",
         .says = "The identity of the office's device; unique on the node.",
         .most = limits::kIdentityLength,
         .punctuation = kIdentityPunctuation,
         .if_left_out = "the customer gateway's address",
         .example = "office-1.example.net"},
        ike.remote_id);
  visit({.name = "psk",
         .says = "The pre-shared key. Only `farspan export` shows it.",
         .access = Access::kSecret,
         .most = limits::kPskLength,
         .punctuation = kPskPunctuation,
         .if_left_out = "the key it has, at first a random one"},
        ike.psk);
}

struct IpsecConfig {
  Encryption encryption = Encryption::kAes256Gcm;
  Integrity integrity = Integrity::kSha256;
  DhGroup pfs_group = DhGroup::kGroup14;  // kNone: no PFS
  uint32_t lifetime_seconds = 86400;
  uint32_t replay_window_packets = 1024;

  bool operator==(const IpsecConfig&) const = default;
};

void describe(auto& visit, Is<IpsecConfig> auto& ipsec) {
  visit({.name = "encryption", .says = "The cipher of the packets in the tunnel."},
        ipsec.encryption, kIpsecEncryptions);
  visit({.name = "integrity",
         .says = "The hash that protects them; means nothing with gcm and chacha20poly1305."},
        ipsec.integrity, kIntegrities);
  visit({.name = "pfs_group",
         .says = "The Diffie-Hellman group of each rekeying (perfect forward secrecy)."},
        ipsec.pfs_group, kPfsGroups);
  visit({.name = "lifetime_seconds",
         .says = "After this time new keys take over.",
         .unit = "seconds",
         .least = limits::kShortestLifetimeSeconds,
         .most = limits::kLongestLifetimeSeconds},
        ipsec.lifetime_seconds);
  visit({.name = "replay_window",
         .says = "By how much packets of the office may overtake each other on their way before "
                 "the late ones are taken for replays.",
         .unit = "packets",
         .least = limits::kSmallestReplayWindow,
         .most = limits::kLargestReplayWindow},
        ipsec.replay_window_packets);
}

struct IpsecConnection {
  static constexpr const char* kKind = "IpsecConnection";
  static constexpr const char* kSays =
      "The tunnel between a VPN gateway and the device of an office.";
  Meta meta;
  std::string vpn_gateway;
  std::string customer_gateway;
  std::vector<net::Prefix> local_subnets, remote_subnets;
  bool is_effect_immediately = true;
  bool has_dpd = true;
  uint32_t mtu = limits::kLargestMtu;
  IkeConfig ike;
  IpsecConfig ipsec;

  bool operator==(const IpsecConnection&) const = default;
};

void describe(auto& visit, Is<IpsecConnection> auto& connection) {
  visit({.name = "vpn_gateway",
         .says = "The VpnGateway on our side.",
         .refers_to = "VpnGateway",
         .is_required = true,
         .example = "us-east"},
        connection.vpn_gateway);
  visit({.name = "customer_gateway",
         .says = "The office's device.",
         .refers_to = "CustomerGateway",
         .is_required = true,
         .example = "office-1"},
        connection.customer_gateway);
  visit({.name = "local_subnets",
         .says = "What the office may reach through the tunnel; with 0.0.0.0/0 networks can be "
                 "added later without a change of the device.",
         .is_required = true,
         .least = 1,
         .most = limits::kSubnetsPerSide,
         .example = "0.0.0.0/0"},
        connection.local_subnets);
  visit({.name = "remote_subnets",
         .says = "The office's networks, each of which becomes a route; with 0.0.0.0/0 only "
                 "VpnRoutes say what goes into the tunnel.",
         .is_required = true,
         .least = 1,
         .most = limits::kSubnetsPerSide,
         .example = "10.10.10.0/24"},
        connection.remote_subnets);
  visit({.name = "effect_immediately",
         .says = "Whether the tunnel is negotiated at once, or by the first packet."},
        connection.is_effect_immediately);
  visit({.name = "dpd",
         .says = "Whether a silent device is asked if it lives (dead peer detection)."},
        connection.has_dpd);
  visit(
      {.name = "mtu",
       .says = "The largest packet that passes between the gateway and the device, IPsec included, "
               "for those who know; what is less is found by itself.",
       .unit = "bytes",
       .least = limits::kSmallestMtu,
       .most = limits::kLargestMtu},
      connection.mtu);
  visit({.name = "ike", .says = "How keys are negotiated (phase 1)."}, connection.ike);
  visit({.name = "ipsec", .says = "How packets are protected (phase 2)."}, connection.ipsec);
}

}  // namespace farspan::model
