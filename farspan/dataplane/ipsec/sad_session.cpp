// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/sad_session.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "farspan/ike/protocol.h"

namespace farspan::ipsec {
namespace {

constexpr uint8_t kEsp = 50;
constexpr uint8_t kTunnelMode = 2;
constexpr uint32_t kFirstUsableSpi = 256;  // RFC 4303 §2.1

using Bytes = std::span<const uint8_t>;

// A field that cannot be taken over, and how the reply says so.
struct Refused {
  fs_sad_status status;
};
constexpr Refused kMalformed{FS_SAD_MALFORMED};
constexpr Refused kUnsupported{FS_SAD_UNSUPPORTED};

template <class T>
struct Read {
  Read(T taken) : value(std::move(taken)) {}         // NOLINT: implicit by design
  Read(Refused refused) : status(refused.status) {}  // NOLINT: implicit by design
  bool is_refused() const { return status != FS_SAD_OK; }
  Refused refused() const { return {status}; }

  T value{};
  fs_sad_status status = FS_SAD_OK;
};

template <class T>
std::optional<T> take(Bytes& bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  bytes = bytes.subspan(sizeof(T));
  return value;
}

template <class T>
std::optional<T> take_all(Bytes bytes) {
  return bytes.size() == sizeof(T) ? take<T>(bytes) : std::nullopt;
}

uint32_t ipv4_of(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}
void put_ipv4(uint8_t* bytes, uint32_t address) {
  for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<uint8_t>(address >> (24 - 8 * i));
}
uint32_t from_wire(uint32_t spi) { return __builtin_bswap32(spi); }
uint32_t to_wire(uint32_t spi) { return __builtin_bswap32(spi); }

Read<Endpoint> endpoint_of(const fs_host& host, bool is_udp_encapsulated) {
  if (host.family == AF_INET6) return kUnsupported;
  if (host.family != AF_INET || (is_udp_encapsulated && host.port == 0)) return kMalformed;
  return Endpoint{ipv4_of(host.address), is_udp_encapsulated ? host.port : uint16_t{0}};
}

Read<OuterPath> path_of(const fs_host& source, const fs_host& destination, bool is_inbound,
                        bool is_udp) {
  const auto from = endpoint_of(source, is_udp), to = endpoint_of(destination, is_udp);
  if (from.is_refused()) return from.refused();
  if (to.is_refused()) return to.refused();
  const Endpoint& local = is_inbound ? to.value : from.value;
  const Endpoint& remote = is_inbound ? from.value : to.value;
  return OuterPath{local, remote, is_udp};
}

Read<SelectorRange> range_of(const fs_selector& selector) {
  if (selector.family == AF_INET6) return kUnsupported;
  if (selector.family != AF_INET) return kMalformed;
  const SelectorRange range{ipv4_of(selector.address_low), ipv4_of(selector.address_high),
                            selector.port_low, selector.port_high, selector.protocol};
  if (range.address_low > range.address_high || range.port_low > range.port_high) return kMalformed;
  return range;
}

// IPv6 ranges beside IPv4 ones are left out: nothing inside a tunnel can match them.
Read<std::vector<SelectorRange>> ranges_of(Bytes& bytes, uint16_t count) {
  std::vector<SelectorRange> ranges;
  for (uint16_t i = 0; i < count; ++i) {
    const auto selector = take<fs_selector>(bytes);
    if (!selector) return kMalformed;
    const auto range = range_of(*selector);
    if (range.status == FS_SAD_MALFORMED) return kMalformed;
    if (!range.is_refused()) ranges.push_back(range.value);
  }
  if (ranges.empty()) return kUnsupported;
  return ranges;
}

Read<SaName> name_of(const fs_sad_id& id) {
  if (id.protocol != kEsp) return kUnsupported;
  if (id.is_inbound > 1 || from_wire(id.spi) < kFirstUsableSpi) return kMalformed;
  return SaName{id.is_inbound == 1, from_wire(id.spi), id.tunnel};
}

SecretBytes secret_of(const uint8_t* bytes, uint16_t length) {
  SecretBytes secret;
  std::memcpy(secret.bytes.data(), bytes, length);
  secret.length = static_cast<uint8_t>(length);
  return secret;
}

// Everything of fs_sad_sa but the selectors behind it.
Read<SaDescription> description_of(const fs_sad_sa& sa) {
  const auto name = name_of(sa.id);
  if (name.is_refused()) return name.refused();
  if (sa.mode != kTunnelMode) return kUnsupported;
  if (sa.copy_dscp > 3 || sa.encryption_key_length > FS_SAD_MAX_KEY ||
      sa.integrity_key_length > FS_SAD_MAX_KEY || sa.source_selectors > FS_SAD_MAX_SELECTORS ||
      sa.destination_selectors > FS_SAD_MAX_SELECTORS) {
    return kMalformed;
  }
  const auto suite = crypto::Suite::from_iana(sa.encryption, sa.integrity, sa.encryption_key_length,
                                              sa.integrity_key_length);
  if (!suite) return kUnsupported;
  const bool is_inbound = sa.id.is_inbound == 1;
  const auto path =
      path_of(sa.id.source, sa.id.destination, is_inbound, sa.is_udp_encapsulated != 0);
  if (path.is_refused()) return path.refused();

  SaDescription description;
  description.is_inbound = is_inbound;
  description.spi = name.value.spi;
  description.tunnel = sa.id.tunnel;
  description.reqid = sa.reqid;
  description.suite = *suite;
  description.encryption_key = secret_of(sa.encryption_key, sa.encryption_key_length);
  description.integrity_key = secret_of(sa.integrity_key, sa.integrity_key_length);
  description.is_repeated = sa.is_repeated != 0;
  description.has_esn = sa.has_esn != 0;
  description.checks_replay = sa.replay_window != 0;
  if (sa.replay_window != 0)  // how large it is, is the receiver's choice (RFC 4303 §3.4.3)
    description.replay_window =
        std::clamp(sa.replay_window, ReplayWindow::kLeast, ReplayWindow::kMost);
  description.path = path.value;
  description.copying = {sa.copy_ecn != 0, (sa.copy_dscp & 1) != 0};
  description.limits = {sa.soft_bytes, sa.hard_bytes, sa.soft_packets, sa.hard_packets};
  description.hard_seconds = sa.hard_seconds;
  return description;
}

Read<PolicyDescription> policy_of(const fs_sad_policy& policy) {
  if (policy.direction > 2 || policy.type < 1 || policy.type > 3) return kMalformed;
  const auto source = range_of(policy.source_selector),
             destination = range_of(policy.destination_selector);
  if (source.is_refused()) return source.refused();
  if (destination.is_refused()) return destination.refused();
  PolicyDescription description;
  description.direction = static_cast<PolicyDescription::Direction>(policy.direction);
  description.type = policy.type;
  description.priority = policy.priority;
  description.tunnel = policy.tunnel;
  description.reqid = policy.reqid;
  description.spi = from_wire(policy.spi);
  description.source = source.value;
  description.destination = destination.value;
  return description;
}

fs_sad_reply reply_with(fs_sad_status status) {
  fs_sad_reply reply{};
  reply.status = status;
  return reply;
}

fs_sad_reply reply_with(SadVerdict verdict) {
  switch (verdict) {
    case SadVerdict::kOk:
      return reply_with(FS_SAD_OK);
    case SadVerdict::kNotFound:
      return reply_with(FS_SAD_NOT_FOUND);
    case SadVerdict::kExists:
      return reply_with(FS_SAD_EXISTS);
    case SadVerdict::kFull:
      return reply_with(FS_SAD_FULL);
    case SadVerdict::kTunnelFull:
      return reply_with(FS_SAD_TUNNEL_FULL);
    case SadVerdict::kNumbersLost:
      return reply_with(FS_SAD_NUMBERS_LOST);
  }
  return reply_with(FS_SAD_MALFORMED);
}

fs_sad_reply reply_with(const std::optional<SaUse>& use) {
  if (!use) return reply_with(FS_SAD_NOT_FOUND);
  fs_sad_reply reply = reply_with(FS_SAD_OK);
  reply.bytes = use->bytes;
  reply.packets = use->packets;
  reply.last_use_seconds = use->last_use_seconds;
  return reply;
}

fs_sad_reply get_spi(Sad& sad, Bytes body, uint64_t now) {
  if (!body.empty()) return reply_with(FS_SAD_MALFORMED);
  const auto spi = sad.reserve_spi(now);
  if (!spi) return reply_with(FS_SAD_FULL);
  fs_sad_reply reply = reply_with(FS_SAD_OK);
  reply.spi = to_wire(*spi);
  return reply;
}

// The keys are in one copy of the message here, which is wiped; the caller wipes its receive
// buffer.
fs_sad_reply add_sa(Sad& sad, Bytes body, uint64_t now) {
  fs_sad_sa sa;
  if (body.size() < sizeof sa) return reply_with(FS_SAD_MALFORMED);
  std::memcpy(&sa, body.data(), sizeof sa);
  body = body.subspan(sizeof sa);
  auto read = description_of(sa);
  const uint16_t sources = sa.source_selectors, destinations = sa.destination_selectors;
  crypto::zeroize({reinterpret_cast<uint8_t*>(&sa), sizeof sa});
  if (read.is_refused()) return reply_with(read.status);
  auto source = ranges_of(body, sources);
  if (source.is_refused()) return reply_with(source.status);
  auto destination = ranges_of(body, destinations);
  if (destination.is_refused()) return reply_with(destination.status);
  if (!body.empty()) return reply_with(FS_SAD_MALFORMED);

  SaDescription& description = read.value;
  description.selectors = {std::move(source.value), std::move(destination.value)};
  return reply_with(sad.add(description, now));
}

fs_sad_reply update_sa(Sad& sad, Bytes body) {
  const auto update = take_all<fs_sad_update>(body);
  if (!update) return reply_with(FS_SAD_MALFORMED);
  const auto name = name_of(update->id);
  if (name.is_refused()) return reply_with(name.status);
  const auto path = path_of(update->new_source, update->new_destination, update->id.is_inbound == 1,
                            update->is_udp_encapsulated != 0);
  if (path.is_refused()) return reply_with(path.status);
  return reply_with(sad.move(name.value, path.value));
}

template <class Do>
fs_sad_reply with_name(Bytes body, Do act) {
  const auto id = take_all<fs_sad_id>(body);
  if (!id) return reply_with(FS_SAD_MALFORMED);
  const auto name = name_of(*id);
  if (name.is_refused()) return reply_with(name.status);
  return reply_with(act(name.value));
}

template <class Do>
fs_sad_reply with_policy(Bytes body, Do act) {
  const auto policy = take_all<fs_sad_policy>(body);
  if (!policy) return reply_with(FS_SAD_MALFORMED);
  const auto description = policy_of(*policy);
  if (description.is_refused()) return reply_with(description.status);
  return reply_with(act(description.value));
}

template <class Do>
fs_sad_reply without_body(Bytes body, Do act) {
  if (!body.empty()) return reply_with(FS_SAD_MALFORMED);
  act();
  return reply_with(FS_SAD_OK);
}

fs_sad_reply carry_out(Sad& sad, uint16_t type, Bytes body, uint64_t now) {
  switch (type) {
    case FS_SAD_SYNCED:
      return without_body(body, [&] { sad.synced(now); });
    case FS_SAD_GET_SPI:
      return get_spi(sad, body, now);
    case FS_SAD_ADD_SA:
      return add_sa(sad, body, now);
    case FS_SAD_UPDATE_SA:
      return update_sa(sad, body);
    case FS_SAD_QUERY_SA:
      return with_name(body, [&](const SaName& name) { return sad.usage(name); });
    case FS_SAD_DELETE_SA:
      return with_name(body, [&](const SaName& name) { return sad.remove(name); });
    case FS_SAD_FLUSH_SAS:
      return without_body(body, [&] { sad.flush_sas(); });
    case FS_SAD_ADD_POLICY:
      return with_policy(
          body, [&](const PolicyDescription& policy) { return sad.add_policy(policy, now); });
    case FS_SAD_DELETE_POLICY:
      return with_policy(
          body, [&](const PolicyDescription& policy) { return sad.remove_policy(policy); });
    case FS_SAD_FLUSH_POLICIES:
      return without_body(body, [&] { sad.flush_policies(); });
    case FS_SAD_QUERY_POLICY:
      return with_policy(body,
                         [&](const PolicyDescription& policy) { return sad.policy_usage(policy); });
    default:
      return reply_with(FS_SAD_MALFORMED);
  }
}

template <class Body>
std::string message_of(uint16_t type, uint32_t serial, const Body& body) {
  const fs_sad_header header{type, static_cast<uint16_t>(sizeof header + sizeof body), serial};
  std::string message(sizeof header + sizeof body, '\0');
  std::memcpy(message.data(), &header, sizeof header);
  std::memcpy(message.data() + sizeof header, &body, sizeof body);
  return message;
}

fs_host host_of(const Endpoint& endpoint) {
  fs_host host{};
  host.family = AF_INET;
  host.port = endpoint.port;
  put_ipv4(host.address, endpoint.address);
  return host;
}

fs_selector selector_of(uint32_t address, uint16_t port, uint8_t protocol) {
  fs_selector selector{};
  selector.family = AF_INET;
  selector.protocol = protocol;
  selector.port_low = selector.port_high = port;
  put_ipv4(selector.address_low, address);
  put_ipv4(selector.address_high, address);
  return selector;
}

}  // namespace

SadSession::Answer SadSession::receive(Bytes message, uint64_t now_seconds) {
  Bytes body = message;
  const auto header = take<fs_sad_header>(body);
  if (!header) return {};  // not even a serial to answer
  const auto answer = [&](const fs_sad_reply& reply) {
    return Answer{message_of(FS_SAD_REPLY, header->serial, reply), {}};
  };
  if (header->length != message.size() || message.size() > FS_SAD_MAX_MESSAGE) {
    return answer(reply_with(FS_SAD_MALFORMED));
  }
  if (header->type == FS_SAD_HELLO) {
    const auto hello = take_all<fs_sad_hello>(body);
    if (!hello) return answer(reply_with(FS_SAD_MALFORMED));
    if (hello->version != FS_SAD_VERSION) return answer(reply_with(FS_SAD_UNSUPPORTED));
    sad_.hello(hello->instance);
    is_greeted_ = true;
    is_synced_ = false;
    return answer(reply_with(FS_SAD_OK));
  }
  if (!is_greeted_) return answer(reply_with(FS_SAD_MALFORMED));
  const fs_sad_reply reply = carry_out(sad_, header->type, body, now_seconds);
  Answer answered = answer(reply);
  if (header->type == FS_SAD_SYNCED && reply.status == FS_SAD_OK) {
    is_synced_ = true;
    for (const SaEvent& event : sad_.pending_events(now_seconds))
      answered.events.push_back(encode(event));
  }
  return answered;
}

std::string SadSession::encode(const SaEvent& event) {
  if (event.kind == SaEvent::Kind::kAcquire) {
    fs_sad_acquire acquire{};
    acquire.reqid = event.reqid;
    acquire.tunnel = event.tunnel;
    acquire.source = selector_of(event.flow.source, event.flow.source_port, event.flow.protocol);
    acquire.destination =
        selector_of(event.flow.destination, event.flow.destination_port, event.flow.protocol);
    return message_of(FS_SAD_ACQUIRE, 0, acquire);
  }
  fs_sad_event wire{};
  const fs_host local = host_of(event.path.local), remote = host_of(event.path.remote);
  wire.id.source = event.is_inbound ? remote : local;
  wire.id.destination = event.is_inbound ? local : remote;
  wire.id.spi = to_wire(event.spi);
  wire.id.tunnel = event.tunnel;
  wire.id.protocol = kEsp;
  wire.id.is_inbound = event.is_inbound;
  wire.is_hard = event.kind == SaEvent::Kind::kHardLimit;
  if (event.kind == SaEvent::Kind::kMappingChanged) wire.remote = host_of(event.remote);
  return message_of(event.kind == SaEvent::Kind::kMappingChanged ? FS_SAD_MAPPING : FS_SAD_EXPIRE,
                    0, wire);
}

}  // namespace farspan::ipsec
