// SPDX-License-Identifier: Apache-2.0
// NodeListener: who may hold a connection to the nodes' port, and for how long?
//
//   accept ──▶ ClientHello ──▶ asks for kSessionName?  ── yes ──▶ sessions   (a node's certificate)
//              (peeked at)                             └─ no ───▶ enrolment  (strangers, 16 KiB)
//
// It accepts by itself and gives each connection, unread, to the gRPC server behind its door: the
// library's own listener takes as many connections as there are descriptors, and is closed for good
// once they run out. Here
//
//   - a connection without a session is a stranger's, ended after `stranger_age` whatever it does,
//   - strangers have a number of places, and each address few of them: a new one takes the
//   oldest's,
//   - connections with sessions have places of their own, which strangers cannot take,
//   - accepting pauses while descriptors are short, and goes on.
//
// A connection that was given away has a second descriptor here: it shows when the connection ends,
// and ends it (shutdown(2) acts on both). docs/adr/0009.
//
// Not here: TLS, requests (node_server.cpp); who is a node (node_session.h).
// Threads: one of its own; session_opened() and session_closed() from any. `give` runs on its own
// thread, without a lock.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "farspan/base/result.h"
#include "farspan/base/unique_fd.h"

namespace farspan::controller {

struct NodePortLimits {
  size_t strangers = 256;                          // places
  size_t strangers_per_address = 32;               // an IPv6 address is its /64 (RFC 6177 §2)
  size_t known = 4096;                             // connections with a session
  std::chrono::milliseconds stranger_age{20'000};  // handshake and request together

  /// A quarter of the descriptors that this process may have, at two for each connection.
  static NodePortLimits of_this_process();
};

class NodeListener {
 public:
  enum class Door { kEnrolment, kSessions };
  using Give = std::function<void(Door door, UniqueFd connection)>;

  /// Listens on `address` ("0.0.0.0:7443", "[::]:7443"; port 0: any) and accepts from start() on.
  static Result<std::unique_ptr<NodeListener>> open(const std::string& address,
                                                    const NodePortLimits& limits);
  ~NodeListener();

  /// Called once.
  void start(Give give);
  /// Accepts and gives no more; connections stay until this is destroyed.
  void stop();
  int port() const;

  /// A session began on the connection of `peer` (as gRPC writes it), so it is no stranger's any
  /// more. False when there are no places left, and the session must end.
  bool session_opened(const std::string& peer);
  void session_closed(const std::string& peer);

  struct Places {
    size_t strangers = 0, known = 0;
    uint64_t ended_by_age = 0, ended_for_a_newer = 0, not_tls = 0;
    uint64_t pauses = 0;  // of accepting, without descriptors
    bool operator==(const Places&) const = default;
  };
  Places places() const;

 private:
  struct Running;
  explicit NodeListener(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

}  // namespace farspan::controller
