// SPDX-License-Identifier: Apache-2.0
// fuzz_tables: whatever bytes come over tables.sock, the data plane answers, keeps whole tables and
// leaks nothing.
//
// Each input is a series of requests to a server that already has one row of each kind:
//
//   [descriptors, 1 byte][length, 2 bytes][request]…
#include <fcntl.h>
#include <google/protobuf/text_format.h>

#include <string_view>

#include "farspan/base/check.h"
#include "farspan/dataplane/control/tables_server.h"
#include "farspan/v1/tables.pb.h"

namespace {

using namespace farspan;
using namespace farspan::dataplane;

constexpr const char* kOneOfEach = R"(batch {
  generation: 1
  vrfs { id: 1 router: "10.0.0.253" label: 17 }
  security_groups { id: 2 ingress { protocol: 6 port_low: 1 port_high: 9 peer: "0.0.0.0/0" priority: 1 } }
  tunnels { id: 3 vrf: 1 }
  tunnels { id: 4 is_link: true }
  ports { id: 5 vrf: 1 address: "10.0.0.1" gateway: "10.0.0.253" subnet: "10.0.0.0/24"
          mac: "\002\000\000\000\000\005" security_groups: 2 has_fd: true }
  routes { key { vrf: 1 destination: "10.0.0.1/32" } next_hop { port: 5 } }
  routes { key { vrf: 1 destination: "10.1.0.0/16" source: "10.0.0.0/8" } next_hop { tunnel { tunnel: 3 } } }
  routes { key { vrf: 1 destination: "10.2.0.0/16" } next_hop { tunnel { tunnel: 4 label: 18 } } } })";

std::vector<UniqueFd> open_fds(size_t count, std::vector<int>* opened) {
  std::vector<UniqueFd> fds;
  while (fds.size() < count) {
    fds.emplace_back(::open("/dev/null", O_RDWR | O_CLOEXEC));
    opened->push_back(fds.back().get());
  }
  return fds;
}

// Every row that is found leads to rows that exist.
void check_whole(const Tables& tables) {
  for (const PortEntry& port : tables.ports) {
    if (port.is_vacant) continue;
    FS_CHECK(!tables.at(port.vrf).is_vacant && port.rules && port.counters);
    port.rules->evaluate(RuleDirection::kIngress, 6, 80, port.address);
    for (const TableKind kind : {TableKind::kVpc, TableKind::kGateway}) {
      const Adjacency next = tables.fib.lookup(port.vrf, kind, port.address, port.address ^ 1);
      FS_CHECK(next.kind != AdjacencyKind::kPort || !tables.at(next.port()).is_vacant);
      FS_CHECK(next.kind != AdjacencyKind::kTunnel || !tables.at(next.tunnel()).is_vacant);
      FS_CHECK(next.has_label() ==
               (next.kind == AdjacencyKind::kTunnel && tables.at(next.tunnel()).is_link));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::vector<int> opened;
  {
    TableBuilder builder;
    Published<Tables> tables(builder.first());
    NodeCounters counters;
    TablesServer server(builder, tables, {&counters},
                        {[] { return std::vector<SaRow>(1); },
                         [](uint32_t) { return Result<FlowsCopy>(FlowsCopy{}); },
                         [](uint32_t) { return Result<FlowSharesCopy>(FlowSharesCopy{}); }, [] {}});
    v1::TablesRequest first;
    FS_CHECK(google::protobuf::TextFormat::ParseFromString(kOneOfEach, &first));
    server.serve({first.SerializeAsString(), open_fds(1, &opened)});
    FS_CHECK(tables.current().generation == 1);

    std::string_view rest(reinterpret_cast<const char*>(bytes), size);
    while (rest.size() >= 3) {
      const size_t fds = static_cast<uint8_t>(rest[0]) % 4;
      const size_t length =
          static_cast<size_t>(static_cast<uint8_t>(rest[1])) << 8 | static_cast<uint8_t>(rest[2]);
      rest.remove_prefix(3);
      const std::string_view request = rest.substr(0, length);
      rest.remove_prefix(request.size());
      const TablesVersion before = tables.current().version;
      v1::TablesReply reply;
      FS_CHECK(reply.ParseFromString(server.serve({std::string(request), open_fds(fds, &opened)})));
      FS_CHECK(reply.has_batch() == (tables.current().version != before));
      FS_CHECK(reply.error().empty() != (reply.reply_case() == v1::TablesReply::REPLY_NOT_SET));
      check_whole(tables.current());
    }
  }
  for (const int fd : opened) FS_CHECK(::fcntl(fd, F_GETFD) == -1);
  return 0;
}
