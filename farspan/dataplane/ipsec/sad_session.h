// SPDX-License-Identifier: Apache-2.0
// SadSession: one connection on sad.sock: messages of charon's plugin in, replies out; no socket,
// no clock.
//
// Every length, enumerator and address is checked before anything changes; what does not fit is
// answered with FS_SAD_MALFORMED and leaves the Sad as it was. What a request changed, workers see
// before there is a reply: charon tells the peer to use an inbound SA as soon as it is answered.
//
// Not here: the rules of SAs and policies (sad.h). Threads: charon's thread.
// Standards: farspan/ike/protocol.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "farspan/dataplane/ipsec/sa_event.h"
#include "farspan/dataplane/ipsec/sad.h"

namespace farspan::ipsec {

class SadSession {
 public:
  explicit SadSession(Sad& sad) : sad_(sad) {}

  struct Answer {
    std::string reply;  // one message for the socket; empty when the request deserves none
    std::vector<std::string> events;  // to be sent behind the reply: what charon missed
  };
  /// Carries out one message. Requests before a valid HELLO are refused.
  Answer receive(std::span<const uint8_t> message, uint64_t now_seconds);

  /// The message that tells charon about `event`.
  static std::string encode(const SaEvent& event);

  bool is_greeted() const { return is_greeted_; }
  /// Charon has said all it holds.
  bool is_synced() const { return is_synced_; }

 private:
  Sad& sad_;
  bool is_greeted_ = false;
  bool is_synced_ = false;
};

}  // namespace farspan::ipsec
