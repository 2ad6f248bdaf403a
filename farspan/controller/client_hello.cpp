// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/client_hello.h"

#include <algorithm>
#include <cstdint>

namespace farspan::controller {
namespace {

constexpr uint8_t kHandshakeRecord = 22;       // RFC 8446 §5.1
constexpr size_t kRecordHeaderBytes = 5;       // type, version, length
constexpr size_t kMaxRecordBytes = 1 << 14;    // RFC 8446 §5.1
constexpr uint8_t kClientHelloMessage = 1;     // RFC 8446 §4
constexpr size_t kMessageHeaderBytes = 4;      // type, length
constexpr size_t kVersionAndRandomBytes = 34;  // RFC 8446 §4.1.2
constexpr uint64_t kServerNameExtension = 0;   // RFC 6066 §3
constexpr uint64_t kHostName = 0;

// Takes numbers and vectors off the front; after one that is not there everything is empty.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool is_whole() const { return is_whole_; }
  bool is_empty() const { return rest_.empty(); }
  uint64_t number(size_t bytes) {
    uint64_t value = 0;
    for (const char byte : take(bytes)) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
  }
  std::string_view take(size_t bytes) {
    if (bytes > rest_.size()) {
      is_whole_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view front = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return front;
  }
  /// A vector with a length of `length_bytes` before it (RFC 8446 §3.4).
  std::string_view vector(size_t length_bytes) {
    return take(static_cast<size_t>(number(length_bytes)));
  }

 private:
  std::string_view rest_;
  bool is_whole_ = true;
};

ClientHello none() { return {ClientHello::State::kNone, {}}; }

std::string host_name_in(std::string_view extension) {
  Reader names(Reader(extension).vector(2));
  while (!names.is_empty()) {
    const bool is_host = names.number(1) == kHostName;
    const std::string_view name = names.vector(2);
    if (is_host && names.is_whole()) return std::string(name);
  }
  return {};
}

ClientHello parse(std::string_view body) {
  Reader hello(body);
  hello.take(kVersionAndRandomBytes);
  hello.vector(1);  // session id
  hello.vector(2);  // cipher suites
  hello.vector(1);  // compression methods
  if (!hello.is_whole()) return none();
  ClientHello result{ClientHello::State::kComplete, {}};
  Reader extensions(hello.is_empty() ? std::string_view() : hello.vector(2));
  while (hello.is_whole() && !extensions.is_empty()) {
    const uint64_t type = extensions.number(2);
    const std::string_view extension = extensions.vector(2);
    if (!extensions.is_whole()) break;
    if (type == kServerNameExtension) result.server_name = host_name_in(extension);
  }
  return hello.is_whole() && extensions.is_whole() ? result : none();
}

}  // namespace

// The message may be cut into several records (RFC 8446 §5.1).
ClientHello read_client_hello(std::string_view bytes) {
  std::string message;
  while (!bytes.empty()) {
    if (static_cast<uint8_t>(bytes[0]) != kHandshakeRecord) return none();
    if (bytes.size() < kRecordHeaderBytes) return {};
    if (bytes[1] != 3) return none();  // SSL 3.0 to TLS 1.3 (RFC 8446 §5.1)
    const auto length = static_cast<size_t>(Reader(bytes.substr(3, 2)).number(2));
    if (length == 0 || length > kMaxRecordBytes) return none();
    message += bytes.substr(kRecordHeaderBytes, length);
    bytes.remove_prefix(std::min(bytes.size(), kRecordHeaderBytes + length));

    if (static_cast<uint8_t>(message.empty() ? kClientHelloMessage : message[0]) !=
        kClientHelloMessage)
      return none();
    if (message.size() < kMessageHeaderBytes) continue;
    const size_t size = static_cast<size_t>(Reader(message).number(4) & 0xffffff);
    if (size > kMaxClientHelloBytes) return none();
    if (message.size() >= kMessageHeaderBytes + size)
      return parse(std::string_view(message).substr(kMessageHeaderBytes, size));
  }
  return {};
}

}  // namespace farspan::controller
