// SPDX-License-Identifier: Apache-2.0
// TablesServer: answers the agent's requests (proto/farspan/v1/tables.proto).
//
// Knows no socket: a request is a message with its descriptors, the answer is bytes. Whatever is
// wrong with a request is answered with its name in TablesReply.error, and its descriptors are
// closed.
//
// Not here: listening and framing (agent_loop.h, base/message_socket.h).
// Threads: the agent's thread (agent_loop.h).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "farspan/base/message_socket.h"
#include "farspan/dataplane/control/flow_request.h"
#include "farspan/dataplane/control/published.h"
#include "farspan/dataplane/control/table_builder.h"

namespace farspan::v1 {
class TablesRequest;
class TablesReply;
}  // namespace farspan::v1

namespace farspan::dataplane {

/// What one SA carried; charon tells the agent the rest.
struct SaRow {
  uint32_t spi = 0;  // host order
  bool is_inbound = false;
  uint64_t packets = 0, bytes = 0;
};

/// What the server asks others for.
struct TablesSources {
  std::function<std::vector<SaRow>()> sas;
  std::function<Result<FlowsCopy>(uint32_t limit)> flows;  // FlowRequest::request
  std::function<Result<FlowSharesCopy>(uint32_t limit)> flow_shares;
  std::function<void()> published;  // wakes the worker
};

class TablesServer {
 public:
  /// @pre `builder.first()` is what `tables` was made of; `counters` one per worker; all outlive
  /// the server
  TablesServer(TableBuilder& builder, Published<Tables>& tables,
               std::vector<const NodeCounters*> counters, TablesSources sources);

  /// The serialized TablesReply to `request`.
  std::string serve(Message request);

  /// Takes away the descriptor of a port whose device died (the worker's event), unless the agent
  /// sent another one meanwhile.
  void tap_died(PortId port, const UniqueFd* device);

 private:
  Status answer(const v1::TablesRequest& request, std::vector<UniqueFd> fds,
                v1::TablesReply& reply);
  void publish(std::unique_ptr<const Tables> next);

  TableBuilder& builder_;
  Published<Tables>& tables_;
  std::vector<const NodeCounters*> counters_;
  TablesSources sources_;
};

}  // namespace farspan::dataplane
