// SPDX-License-Identifier: Apache-2.0
// read_client_hello: which server does a client ask for, before anything else is known of it?
//
// The first thing on a TLS connection is a ClientHello (RFC 8446 §4.1.2), and its server_name (RFC
// 6066 §3) is all that is wanted of it: it sorts connections before any TLS library spends memory
// on them. Everything else in it is judged by that library.
//
// Hostile input: strangers send it. Pure; nothing is kept.
#pragma once

#include <string>
#include <string_view>

namespace farspan::controller {

/// The largest ClientHello that is waited for; those of agents have 300 bytes.
inline constexpr size_t kMaxClientHelloBytes = 16 << 10;

struct ClientHello {
  enum class State {
    kUnfinished,  // more bytes are to come
    kNone,        // these bytes begin no ClientHello, or a longer one than is waited for
    kComplete,
  };
  State state = State::kUnfinished;
  std::string server_name;  // as sent; empty when it names none
};

/// @param bytes  what the client sent so far, from the first byte on
ClientHello read_client_hello(std::string_view bytes);

}  // namespace farspan::controller
