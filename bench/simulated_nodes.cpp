// SPDX-License-Identifier: Apache-2.0
#include "simulated_nodes.h"

#include <grpcpp/grpcpp.h>

#include "farspan/agent/enrolment.h"
#include "farspan/base/controller_names.h"
#include "farspan/v1/node_session.grpc.pb.h"

namespace farspan::bench {

struct SimulatedNode::Call {
  grpc::ClientContext context;
};

SimulatedNode::SimulatedNode(std::string node, std::string controller, agent::Identity identity)
    : node_(std::move(node)),
      controller_(std::move(controller)),
      identity_(std::move(identity)),
      thread_([this] { run(); }) {}

SimulatedNode::~SimulatedNode() {
  is_ending_ = true;
  {
    const std::lock_guard lock(mutex_);
    if (call_) call_->context.TryCancel();
  }
  thread_.join();
}

BenchClock::time_point SimulatedNode::told_since(uint64_t revision) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return generation_ >= revision; });
  return told_at_;
}

std::chrono::duration<double> SimulatedNode::time_to_first_delta() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return first_delta_.count() > 0; });
  return first_delta_;
}

// The controller goes and comes back while it is measured; a node dials until it answers.
void SimulatedNode::run() {
  while (!is_ending_)
    if (!session()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

bool SimulatedNode::session() {
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(kSessionName);
  arguments.SetInt(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, -1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto dialled = BenchClock::now();
  const auto channel = grpc::CreateCustomChannel(
      controller_,
      grpc::SslCredentials({identity_.ca_certificate, identity_.key, identity_.certificate}),
      arguments);
  Call* call = nullptr;
  {
    const std::lock_guard lock(mutex_);
    call_ = std::make_unique<Call>();
    call = call_.get();
    first_delta_ = {};
  }
  const auto stub = v1::NodeSession::NewStub(channel);
  const auto stream = stub->Session(&call->context);
  v1::NodeMessage message;
  message.mutable_hello()->set_version("bench");
  if (!stream->Write(message)) return false;
  v1::ControllerMessage told;
  bool is_first = true;
  while (stream->Read(&told)) {
    const uint64_t generation = told.delta().to_generation();
    {
      const std::lock_guard lock(mutex_);
      generation_ = generation;
      told_at_ = BenchClock::now();
      if (is_first) first_delta_ = told_at_ - dialled;
    }
    is_first = false;
    changed_.notify_all();
    message.mutable_in_force()->set_generation(generation);
    if (!stream->Write(message)) break;
  }
  stream->Finish();
  return !is_first;
}

}  // namespace farspan::bench
