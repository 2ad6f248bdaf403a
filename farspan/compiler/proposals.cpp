// SPDX-License-Identifier: Apache-2.0
#include "farspan/compiler/proposals.h"

namespace farspan::compiler {
namespace {

std::string keyword(model::Encryption encryption) {
  switch (encryption) {
    case model::Encryption::kAes128:
      return "aes128";
    case model::Encryption::kAes192:
      return "aes192";
    case model::Encryption::kAes256:
      return "aes256";
    case model::Encryption::kAes128Gcm:
      return "aes128gcm16";
    case model::Encryption::kAes192Gcm:
      return "aes192gcm16";
    case model::Encryption::kAes256Gcm:
      return "aes256gcm16";
    case model::Encryption::kChaCha20Poly1305:
      return "chacha20poly1305";
    case model::Encryption::kTripleDes:
      return "3des";
    case model::Encryption::kDes:
      return "des";
  }
  return {};
}

std::string keyword(model::DhGroup group) {
  switch (group) {
    case model::DhGroup::kNone:
      return {};
    case model::DhGroup::kGroup1:
      return "modp768";
    case model::DhGroup::kGroup2:
      return "modp1024";
    case model::DhGroup::kGroup5:
      return "modp1536";
    case model::DhGroup::kGroup14:
      return "modp2048";
    case model::DhGroup::kGroup19:
      return "ecp256";
    case model::DhGroup::kGroup20:
      return "ecp384";
    case model::DhGroup::kGroup31:
      return "curve25519";
  }
  return {};
}

// strongSwan and the model agree on these words.
std::string keyword(model::Integrity integrity) {
  return std::string(model::word_of(model::kIntegrities, integrity));
}

}  // namespace

std::string ike_proposal(const model::IkeConfig& config) {
  // With an AEAD there is no integrity transform; the hash names the PRF (RFC 5282 §8).
  const char* prefix = is_aead(config.encryption) ? "-prf" : "-";
  return keyword(config.encryption) + prefix + keyword(config.integrity) + "-" +
         keyword(config.dh_group);
}

std::string esp_proposal(const model::IpsecConnection& connection, EsnOffer offer) {
  const model::IpsecConfig& config = connection.ipsec;
  std::string proposal = keyword(config.encryption);
  if (!is_aead(config.encryption)) proposal += "-" + keyword(config.integrity);
  if (config.pfs_group != model::DhGroup::kNone) proposal += "-" + keyword(config.pfs_group);
  if (offer == EsnOffer::kEither && connection.ike.version == model::IkeVersion::kIkev2)
    proposal += "-esn-noesn";
  return proposal;
}

}  // namespace farspan::compiler
