// SPDX-License-Identifier: Apache-2.0
// farspan-dataplane: every packet of one node.
//
//    agent ── tables.sock ──▶ AgentLoop (its own thread) ──▶ TableBuilder ─┐ published snapshots
//   charon ── sad.sock ─────▶ CharonLoop (its own thread) ─▶ Sad ──────────┤
//                                  ▲ events                                ▼
//   charon ── ike.sock ─────▶ Worker (its own thread) ───────────────── Pipeline ── TAP devices,
//                                                                  UDP 500/4500, native ESP
//
// Runs in the node's network namespace. Restartable at any time: the agent programs it again,
// charon's plugin says its SAs again, and sequence numbers wait in `<run-dir>/sequences`.
//
// Not here: any configuration; the agent has it.
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <thread>

#include "farspan/base/process.h"
#include "farspan/dataplane/agent_loop.h"
#include "farspan/dataplane/charon_loop.h"
#include "farspan/dataplane/privileges.h"
#include "farspan/dataplane/worker.h"

namespace farspan::dataplane {
namespace {

// Serves until one of `ends`, which are blocked in every thread.
Status serve(const std::string& run_dir, const PipelineLimits& limits, const sigset_t& ends) {
  auto context = crypto::Context::create();
  if (!context) return context.error();
  auto arena = ipsec::SequenceArena::open(run_dir + "/sequences");
  if (!arena) return arena.error();
  if ((*arena)->is_replaced())
    spdlog::warn("{}/sequences was of another version: tunnels are made anew", run_dir);

  TableBuilder builder;
  ipsec::Sad sad(**arena, **context);
  SharedState shared(builder.first());

  auto worker = Worker::create(shared, sad.reader(), run_dir, limits);
  if (!worker) return worker.error();
  auto charon = CharonLoop::create(shared, sad, run_dir);
  if (!charon) return charon.error();
  auto agent = AgentLoop::create(
      shared, builder, [&] { return (*charon)->sa_rows(); }, run_dir);
  if (!agent) return agent.error();
  if (const auto dropped = drop_privileges(); !dropped) return dropped.error();

  spdlog::info("forwarding; crypto {}", (*context)->architecture());
  std::thread packets([&] { (*worker)->run(); });
  std::thread tables([&] { (*agent)->run(); });
  std::thread sas([&] { (*charon)->run(); });
  int taken = 0;
  ::sigwait(&ends, &taken);
  shared.is_stopping = true;
  shared.wake_worker();
  (*agent)->stop();
  (*charon)->stop();
  packets.join();
  tables.join();
  sas.join();
  spdlog::info("stopped");
  return ok();
}

}  // namespace
}  // namespace farspan::dataplane

int main(int argc, char** argv) {
  CLI::App app{"Forwards the packets of one Farspan node"};
  std::string run_dir, log_level = "info";
  app.add_option("--run-dir", run_dir, "where tables.sock, sad.sock and ike.sock are made")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--log-level", log_level, "trace, debug, info, warning, error or off");
  farspan::dataplane::PipelineLimits limits;
  app.add_option("--flows", limits.flows, "how many flows at once; about 300 bytes each")
      ->check(CLI::Range(1024, 1 << 26))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  spdlog::set_default_logger(spdlog::stderr_logger_mt("dataplane"));
  spdlog::set_level(spdlog::level::from_str(log_level));
  const sigset_t ends = farspan::block_ending_signals();
  signal(SIGPIPE, SIG_IGN);                // a peer that closed a socket is no reason to end
  if (!farspan::raise_descriptor_limit())  // every port holds one
    spdlog::warn("may not open more descriptors: {}", std::strerror(errno));
  if (const auto served = farspan::dataplane::serve(run_dir, limits, ends); !served) {
    spdlog::error("{}", served.error().text());
    return 1;
  }
  return 0;
}
