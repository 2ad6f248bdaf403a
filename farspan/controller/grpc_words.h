// SPDX-License-Identifier: Apache-2.0
// What the libraries of the nodes' port log, in our log and at a bounded rate: gRPC writes a line
// for each handshake that a stranger breaks off, protobuf one for each text that is no UTF-8.
#pragma once

namespace farspan::controller {

/// From now on, for the whole process. May be called again.
void keep_grpc_words_few();

}  // namespace farspan::controller
