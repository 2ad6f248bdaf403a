// SPDX-License-Identifier: Apache-2.0
// NodeServer: the gRPC port that agents connect to (proto/farspan/v1/node_session.proto).
//
//   Enrolment    TLS, no client certificate: a one-time token buys a certificate
//   NodeSession  mutual TLS: the certificate's CN is the node;
//                states go down, reports come up; a new certificate for an old one
//
// One port, two gRPC servers: node_listener.h sorts connections by the name they ask for. The one
// of strangers takes 16 KiB at a time and shares one small quota of memory; the one of nodes ends
// whoever has no certificate of the CA in the handshake, before a byte of HTTP/2.
//
// Not here: who may connect (node_listener.h), one session (node_session.h), what to send
// (node_feed.h).
// Threads: gRPC's own; start() and the destructor by the owner.
#pragma once

#include <memory>
#include <string>

#include "farspan/base/result.h"
#include "farspan/controller/certificate_authority.h"
#include "farspan/controller/controller.h"
#include "farspan/controller/enrolments.h"
#include "farspan/controller/node_listener.h"
#include "farspan/controller/node_reports.h"

namespace farspan::controller {

/// What the server works with; all outlive it.
struct NodeServices {
  Controller& controller;
  NodeReports& reports;
  const CertificateAuthority& authority;
  Enrolments& enrolments;
};

class NodeServer {
 public:
  /// Listens on `address` ("0.0.0.0:7443"; port 0: any, see port()).
  static Result<std::unique_ptr<NodeServer>> start(
      const std::string& address, const ServerIdentity& identity, const NodeServices& services,
      const NodePortLimits& limits = NodePortLimits::of_this_process());
  /// Ends all sessions.
  ~NodeServer();

  int port() const;
  NodeListener::Places places() const;

 private:
  struct Running;
  explicit NodeServer(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

}  // namespace farspan::controller
