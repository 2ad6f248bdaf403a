// SPDX-License-Identifier: Apache-2.0
// weight_of: what will a message take of memory once it is parsed?
//
// Two bytes on the wire may be an object of a kilobyte, so a limit on the wire limits nothing. The
// bytes are walked by the message's own description, without making anything, before they are
// parsed.
//
// Hostile input: a node may be anybody by now. Pure.
// Standard: Protocol Buffers encoding (varints, wire types, tags).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace google::protobuf {
class Descriptor;
}

namespace farspan::controller {

/// Roughly the bytes that `wire`, parsed as `type` and turned into plain values once more, takes of
/// memory. Nothing when it is more than `limit`, malformed, nested more than 8 deep, or uses
/// groups, which no message of ours has.
std::optional<size_t> weight_of(std::string_view wire, const google::protobuf::Descriptor& type,
                                size_t limit);

}  // namespace farspan::controller
