// SPDX-License-Identifier: Apache-2.0
// StateDigest: a sum of one number per row, so that it follows a change row by row.
//
// Each row counts as 256 bits made from its table, key and contents, added lane by lane: adding and
// removing rows commute, and the rows that did not change are not looked at. It is no commitment
// against whoever could choose rows: both ends are ours, and a node that lies about its digest
// gains nothing but a snapshot. Small tables are hashed as they go over the wire, with SHA-256 (a
// tunnel's row holds its key); routes, of which there may be a million, are packed and mixed.
#include <openssl/evp.h>

#include "farspan/base/check.h"
#include "farspan/nodestate/wire/wire.h"
#include "farspan/v1/node_state.pb.h"

namespace farspan::nodestate::wire {
namespace {

using Lanes = StateDigest::Lanes;

std::array<unsigned char, 32> sha256(const std::string& bytes) {
  std::array<unsigned char, 32> digest{};
  FS_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) ==
           1);
  return digest;
}

template <class Key, class Row>
Lanes lanes_of(const Key& key, const Row& row) {
  const auto message = to_proto(key, row);
  const auto digest = sha256(std::string(message.GetTypeName()) + message.SerializeAsString());
  Lanes lanes{};
  for (size_t i = 0; i < digest.size(); ++i) lanes[i / 8] = lanes[i / 8] << 8 | digest[i];
  return lanes;
}

// A route as bytes of fixed places.
class Packed {
 public:
  Packed& add(uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i, ++at_) {
      words_[at_ / 8] |= (value & 0xff) << (8 * (at_ % 8));
      value >>= 8;
    }
    return *this;
  }
  Packed& add(const net::Prefix& prefix) {
    add(static_cast<uint64_t>(prefix.family()), 1).add(static_cast<uint64_t>(prefix.length()), 1);
    for (const uint8_t byte : prefix.address().bytes()) add(byte, 1);
    return *this;
  }
  Lanes mixed() const {
    Lanes lanes{0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9, 0x27d4eb2f165667c5};
    for (uint64_t& lane : lanes)
      for (const uint64_t word : words_) lane = mix(lane ^ word);
    return lanes;
  }

 private:
  // Every bit of the result depends on every bit of `x`: two rounds of multiply and shift.
  static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }
  std::array<uint64_t, 7> words_{};
  size_t at_ = 0;
};

Lanes lanes_of(const RouteKey& key, const NextHop& next_hop) {
  Packed packed;
  packed.add(key.vrf.value(), 4).add(static_cast<uint64_t>(key.table), 1).add(key.destination);
  packed.add(key.source ? 1 : 0, 1).add(key.source.value_or(net::Prefix()));
  packed.add(next_hop.index(), 1);
  if (const auto* port = std::get_if<ToPort>(&next_hop)) packed.add(port->port.value(), 4);
  if (const auto* tunnel = std::get_if<ToTunnel>(&next_hop)) {
    packed.add(tunnel->tunnel.value(), 4).add(tunnel->label ? 1 : 0, 1);
    packed.add(tunnel->label ? tunnel->label->value() : 0, 4);
  }
  return packed.mixed();
}

void add(Lanes& sum, const Lanes& lanes) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += lanes[i];
}
void remove(Lanes& sum, const Lanes& lanes) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] -= lanes[i];
}

template <class Table>
void add_table(Lanes& sum, const Table& table) {
  for (const auto& [key, row] : table) add(sum, lanes_of(key, row));
}

template <class Table, class Changes>
void follow_table(Lanes& sum, const Table& before, const Changes& changes) {
  const auto forget = [&](const auto& key) {
    if (const auto old = before.find(key); old != before.end())
      remove(sum, lanes_of(key, old->second));
  };
  for (const auto& key : changes.removals) forget(key);
  for (const auto& [key, row] : changes.upserts) {
    forget(key);
    add(sum, lanes_of(key, row));
  }
}

}  // namespace

StateDigest::StateDigest(const NodeState& state) {
  add_table(sum_, state.vrfs);
  add_table(sum_, state.ports);
  add_table(sum_, state.security_groups);
  add_table(sum_, state.tunnels);
  add_table(sum_, state.routes);
}

void StateDigest::follow(const NodeState& before, const Delta& delta) {
  FS_CHECK(!delta.is_snapshot);
  follow_table(sum_, before.vrfs, delta.vrfs);
  follow_table(sum_, before.ports, delta.ports);
  follow_table(sum_, before.security_groups, delta.security_groups);
  follow_table(sum_, before.tunnels, delta.tunnels);
  follow_table(sum_, before.routes, delta.routes);
}

std::string StateDigest::text(const std::string& node) const {
  std::string bytes = node;
  for (const uint64_t lane : sum_)
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(lane >> shift & 0xff);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : sha256(bytes)) text += {kDigits[byte >> 4], kDigits[byte & 15]};
  return text;
}

std::string digest_of(const NodeState& state) { return StateDigest(state).text(state.node); }

}  // namespace farspan::nodestate::wire
