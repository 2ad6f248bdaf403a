// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/message_weight.h"

#include <google/protobuf/descriptor.h>

#include <cstdint>

namespace farspan::controller {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr int kMaxDepth = 8;
// Measured with a status of empty tunnels (message_weight_test): an object, its plain twin, and
// what the allocator and growing vectors add.
constexpr size_t kOfAMessage = 128;
constexpr size_t kOfEachField = 48;
constexpr size_t kOfAString = 128;
constexpr size_t kOfANumber = 16;
constexpr size_t kOfAnUnknown = 128;

enum WireType : uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

class Walk {
 public:
  explicit Walk(size_t limit) : limit_(limit) {}

  bool message(std::string_view wire, const Descriptor& type, int depth) {
    if (depth > kMaxDepth) return false;
    if (!add(kOfAMessage + kOfEachField * static_cast<size_t>(type.field_count()))) return false;
    while (!wire.empty()) {
      const auto tag = varint(wire);
      if (!tag || *tag >> 3 == 0 || *tag >> 3 > FieldDescriptor::kMaxNumber) return false;
      const auto* field = type.FindFieldByNumber(static_cast<int>(*tag >> 3));
      if (!value(wire, static_cast<WireType>(*tag & 7), field, depth)) return false;
    }
    return true;
  }
  size_t weight() const { return weight_; }

 private:
  bool add(size_t bytes) {
    weight_ += bytes;
    return weight_ <= limit_;
  }

  static std::optional<uint64_t> varint(std::string_view& wire) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && !wire.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(wire.front());
      wire.remove_prefix(1);
      if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return std::nullopt;
  }

  static bool skip(std::string_view& wire, size_t bytes) {
    if (bytes > wire.size()) return false;
    wire.remove_prefix(bytes);
    return true;
  }

  bool value(std::string_view& wire, WireType type, const FieldDescriptor* field, int depth) {
    switch (type) {
      case kVarint:
        return varint(wire) && add(field != nullptr ? kOfANumber : kOfAnUnknown);
      case kFixed64:
        return skip(wire, 8) && add(field != nullptr ? kOfANumber : kOfAnUnknown);
      case kFixed32:
        return skip(wire, 4) && add(field != nullptr ? kOfANumber : kOfAnUnknown);
      case kLength:
        break;
      default:
        return false;
    }
    const auto length = varint(wire);
    if (!length || *length > wire.size()) return false;
    const std::string_view bytes = wire.substr(0, static_cast<size_t>(*length));
    wire.remove_prefix(bytes.size());
    if (field == nullptr) return add(kOfAnUnknown + bytes.size());
    if (field->type() == FieldDescriptor::TYPE_MESSAGE)
      return message(bytes, *field->message_type(), depth + 1);
    if (field->is_packable()) return add(kOfANumber * (1 + bytes.size()));
    return add(kOfAString + 2 * bytes.size());
  }

  size_t limit_, weight_ = 0;
};

}  // namespace

std::optional<size_t> weight_of(std::string_view wire, const Descriptor& type, size_t limit) {
  Walk walk(limit);
  if (!walk.message(wire, type, 0)) return std::nullopt;
  return walk.weight();
}

}  // namespace farspan::controller
