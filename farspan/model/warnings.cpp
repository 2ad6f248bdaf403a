// SPDX-License-Identifier: Apache-2.0
#include "farspan/model/warnings.h"

namespace farspan::model {
namespace {

const char* cost_of(Encryption encryption) {
  if (encryption == Encryption::kDes)
    return "has a key of 56 bits: whoever records the packets can read them (RFC 8221 §5)";
  if (encryption == Encryption::kTripleDes)
    return "is slow, and its blocks of 64 bits are few: keys last for 1 GiB (RFC 8221 §5)";
  return nullptr;
}

const char* cost_of(Integrity integrity) {
  return integrity == Integrity::kMd5 ? "is broken as a hash (RFC 8221 §6)" : nullptr;
}

const char* cost_of(DhGroup group) {
  switch (group) {
    case DhGroup::kGroup1:
      return "has 768 bits: a few machines find the keys (RFC 8247 §2.4)";
    case DhGroup::kGroup2:
      return "has 1024 bits: a state may find the keys (RFC 8247 §2.4)";
    case DhGroup::kGroup5:
      return "has 1536 bits, fewer than advised (RFC 8247 §2.4)";
    default:
      return nullptr;
  }
}

class Warnings {
 public:
  explicit Warnings(const IpsecConnection& connection) : connection_(connection) {}

  template <class Value, size_t kCount>
  Warnings& look(const char* field, const Words<Value, kCount>& words, Value value) {
    if (const char* cost = cost_of(value)) {
      warnings_.push_back({ErrorCode::kInvalid,
                           std::string(IpsecConnection::kKind) + " " + connection_.meta.name, field,
                           std::string(word_of(words, value)) + " " + cost,
                           "use " + std::string(words.front().word) + " if the device can"});
    }
    return *this;
  }
  Errors take() { return std::move(warnings_); }

 private:
  const IpsecConnection& connection_;
  Errors warnings_;
};

}  // namespace

Errors warnings_of(const AnyResource& resource) {
  const auto* const connection = std::get_if<IpsecConnection>(&resource);
  if (connection == nullptr) return {};
  const IkeConfig& ike = connection->ike;
  const IpsecConfig& ipsec = connection->ipsec;
  Warnings warnings(*connection);
  warnings.look("ike.encryption", kIkeEncryptions, ike.encryption)
      .look("ike.integrity", kIntegrities, ike.integrity)
      .look("ike.dh_group", kDhGroups, ike.dh_group)
      .look("ipsec.encryption", kIpsecEncryptions, ipsec.encryption);
  if (!is_aead(ipsec.encryption)) warnings.look("ipsec.integrity", kIntegrities, ipsec.integrity);
  return warnings.look("ipsec.pfs_group", kPfsGroups, ipsec.pfs_group).take();
}

}  // namespace farspan::model
