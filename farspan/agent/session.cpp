// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/session.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "farspan/agent/enrolment.h"
#include "farspan/base/controller_names.h"
#include "farspan/base/version.h"
#include "farspan/nodestate/wire/wire.h"
#include "farspan/v1/node_session.grpc.pb.h"

namespace farspan::agent {
namespace {

constexpr int kMaxMessage = 256 << 20;  // a snapshot of a whole node
constexpr size_t kMaxDeltasQueued =
    1024;  // more, and the node loop hangs: start anew instead of growing
constexpr std::chrono::seconds kGoodConversation{5};
constexpr std::chrono::hours kRenewalRetry{1};
// A controller that vanished without a word is noticed within both together; the controller's own
// pings are as frequent, and it takes no offence at ours (controller/node_server.cpp).
constexpr std::chrono::milliseconds kPingPeriod{5000}, kPingPatience{5000};
using Stream = grpc::ClientReaderWriter<v1::NodeMessage, v1::ControllerMessage>;

v1::NodeMessage message_of(const InForce& in_force) {
  v1::NodeMessage message;
  message.mutable_in_force()->set_generation(in_force.generation);
  for (const ItemFailure& failure : in_force.failures) {
    auto& item = *message.mutable_in_force()->add_failures();
    item.set_item(failure.item);
    item.set_reason(failure.reason);
    item.set_remedy(failure.remedy);
  }
  return message;
}

std::shared_ptr<grpc::Channel> channel_to(const std::string& controller, const Identity& identity) {
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(kSessionName);
  arguments.SetMaxReceiveMessageSize(kMaxMessage);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(kPingPeriod.count()));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(kPingPatience.count()));
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt("grpc.use_local_subchannel_pool",
                   1);  // no other channel's backoff delays a new attempt
  return grpc::CreateCustomChannel(
      controller,
      grpc::SslCredentials({identity.ca_certificate, identity.key, identity.certificate}),
      arguments);
}

}  // namespace

struct ControllerSession::State {
  SessionSettings settings;
  std::function<void()> has_news;

  std::mutex mutex;  // everything below but the thread
  std::condition_variable changed;
  bool is_stopping = false;
  HeldState held;
  uint64_t session = 0;
  std::deque<Received> received;
  std::optional<Identity> identity;
  std::optional<InForce> in_force;  // the newest; said again at the start of each conversation
  bool is_in_force_unsent = false;
  std::optional<v1::NodeMessage> status;  // the newest one not sent yet
  grpc::ClientContext* context = nullptr;
  std::string last_complaint, last_bundle_complaint;
  std::string next_key;  // of the certificate that this conversation asked for; the reader's

  std::thread reader;

  void run();
  std::optional<Identity> enrolled();
  bool converse(const Identity& identity);
  std::optional<v1::NodeMessage> renewal_of(const Identity& own);
  void write(Stream& stream, const bool& is_over);
  bool receive(const v1::ControllerMessage& message, uint64_t session_number, const Identity& own);
  bool receive_delta(const v1::Delta& message, uint64_t session_number);
  bool keep(const v1::EnrolReply& certified, const Identity& own);
  void complain(const std::string& what);
  void complain_of_bundle(const std::optional<Error>& why);
};

ControllerSession::ControllerSession(SessionSettings settings, HeldState held,
                                     std::function<void()> has_news)
    : state_(std::make_unique<State>()) {
  state_->settings = std::move(settings);
  state_->held = std::move(held);
  state_->has_news = std::move(has_news);
  state_->reader = std::thread([this] { state_->run(); });
}

ControllerSession::~ControllerSession() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_stopping = true;
    if (state_->context != nullptr) state_->context->TryCancel();
  }
  state_->changed.notify_all();
  state_->reader.join();
}

std::optional<ControllerSession::Received> ControllerSession::take() {
  const std::lock_guard lock(state_->mutex);
  if (state_->received.empty()) return std::nullopt;
  Received first = std::move(state_->received.front());
  state_->received.pop_front();
  return first;
}

std::optional<Identity> ControllerSession::take_identity() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->identity, std::nullopt);
}

HeldState HeldState::of(const nodestate::NodeState& state) {
  if (state.generation == 0) return {};
  return {state.generation, nodestate::wire::digest_of(state)};
}

void ControllerSession::set_held(HeldState held) {
  const std::lock_guard lock(state_->mutex);
  state_->held = std::move(held);
}

void ControllerSession::restart_from_nothing(uint64_t session) {
  const std::lock_guard lock(state_->mutex);
  if (session != state_->session) return;  // over already
  state_->held = {};
  state_->received.clear();
  if (state_->context != nullptr) state_->context->TryCancel();
}

void ControllerSession::report(const InForce& in_force) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->in_force = in_force;
    state_->is_in_force_unsent = true;
  }
  state_->changed.notify_all();
}

void ControllerSession::report(const v1::NodeStatus& status) {
  {
    const std::lock_guard lock(state_->mutex);
    *state_->status.emplace().mutable_status() = status;
  }
  state_->changed.notify_all();
}

// Once per cause, not once per attempt.
void ControllerSession::State::complain(const std::string& what) {
  if (what != last_complaint) spdlog::warn("controller {}: {}", settings.controller, what);
  last_complaint = what;
}

void ControllerSession::State::complain_of_bundle(const std::optional<Error>& why) {
  const std::string what = why ? why->text() : "";
  if (!what.empty() && what != last_bundle_complaint)
    spdlog::warn("{}; the certificate there is stays in use", what);
  last_bundle_complaint = what;
}

void ControllerSession::State::run() {
  Backoff backoff(std::chrono::milliseconds(200), std::chrono::milliseconds(5000));
  std::unique_lock lock(mutex);
  while (!is_stopping) {
    lock.unlock();
    const auto identity_now = enrolled();
    const bool was_answered = identity_now && converse(*identity_now);
    if (was_answered) backoff.succeeded();
    backoff.failed(Clock::now());
    lock.lock();
    changed.wait_until(lock, backoff.next(), [this] { return is_stopping; });
  }
}

std::optional<Identity> ControllerSession::State::enrolled() {
  auto enrolment =
      enrol(settings.state_directory, settings.node, settings.controller, settings.bundle_path);
  if (!enrolment) {
    complain(enrolment.error().text());
    return std::nullopt;
  }
  complain_of_bundle(enrolment->unused_bundle);
  Result<Identity> found = std::move(enrolment->identity);
  const auto now = std::chrono::system_clock::now();
  if (validity_of(*found).ends_at <= now) {
    complain(
        "the certificate of this node has ended; make a new bundle on the controller: farspan "
        "enrol " +
        settings.node);
    return std::nullopt;
  }
  {
    const std::lock_guard lock(mutex);
    identity = *found;
  }
  has_news();
  return *found;
}

// One conversation, from Hello to its end. True when it was a good one, so that the next may begin
// soon.
bool ControllerSession::State::converse(const Identity& own) {
  const auto began = Clock::now();
  const auto stub = v1::NodeSession::NewStub(channel_to(settings.controller, own));
  grpc::ClientContext current;
  // The conversation may last for years: it ends when the certificate is to be renewed.
  current.set_deadline(std::max<std::chrono::system_clock::time_point>(
      validity_of(own).renew_at, std::chrono::system_clock::now() + kRenewalRetry));
  v1::NodeMessage hello;
  uint64_t number = 0;
  {
    const std::lock_guard lock(mutex);
    if (is_stopping) return false;
    context = &current;
    number = ++session;
    received.clear();
    is_in_force_unsent = in_force.has_value();
    hello.mutable_hello()->set_version(kVersion);
    hello.mutable_hello()->set_generation(held.generation);
    hello.mutable_hello()->set_digest(held.digest);
  }
  const auto stream = stub->Session(&current);
  bool was_answered = false, was_refused = false;
  const auto renewal = renewal_of(own);
  bool is_over = !stream->Write(hello) || (renewal && !stream->Write(*renewal));
  std::thread writer([&] { write(*stream, is_over); });
  for (v1::ControllerMessage message; stream->Read(&message);) {
    if (!was_answered) spdlog::info("controller {}: connected", settings.controller);
    if (!was_answered) last_complaint.clear();
    was_answered = true;
    if (receive(message, number, own)) continue;
    was_refused = !message.has_certified();
    current.TryCancel();
  }
  {
    const std::lock_guard lock(mutex);
    is_over = true;
    context = nullptr;
  }
  changed.notify_all();
  writer.join();
  const grpc::Status end = stream->Finish();
  const std::lock_guard lock(mutex);
  if (!is_stopping) complain(end.ok() ? "it ended the session" : end.error_message());
  // A controller that has nothing new to say is silent from the start.
  return !was_refused && (was_answered || Clock::now() - began > kGoodConversation);
}

// The newest of each kind, as it comes, until the conversation is over.
void ControllerSession::State::write(Stream& stream, const bool& is_over) {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [&] { return is_over || is_in_force_unsent || status; });
    if (is_over) return;
    v1::NodeMessage message;
    if (is_in_force_unsent) {
      is_in_force_unsent = false;
      message = message_of(*in_force);
    } else {
      message = std::move(*status);
      status.reset();
    }
    lock.unlock();
    const bool is_written = stream.Write(message);
    lock.lock();
    if (!is_written) return;  // the reader learns the reason
  }
}

// Asked for with a key that nobody can have copied yet.
std::optional<v1::NodeMessage> ControllerSession::State::renewal_of(const Identity& own) {
  if (validity_of(own).renew_at > std::chrono::system_clock::now()) return std::nullopt;
  auto key = make_key();
  auto request = key ? certificate_request(*key, settings.node) : Result<std::string>(key.error());
  if (!request) {
    complain(request.error().text());
    return std::nullopt;
  }
  next_key = *std::move(key);
  v1::NodeMessage message;
  message.mutable_renewal()->set_certificate_request(*std::move(request));
  return message;
}

// False when it failed: the old one still serves.
bool ControllerSession::State::keep(const v1::EnrolReply& certified, const Identity& own) {
  const auto kept =
      keep_identity(settings.state_directory, settings.node, next_key, certified.certificate(),
                    certified.ca_certificate(), own.ca_certificate);
  if (kept)
    spdlog::info("controller {}: renewed the certificate, with a new key", settings.controller);
  else
    spdlog::warn("controller {}: {}", settings.controller, kept.error().text());
  return kept.ok();
}

// False when the conversation must end.
bool ControllerSession::State::receive(const v1::ControllerMessage& message,
                                       uint64_t session_number, const Identity& own) {
  if (message.has_delta()) return receive_delta(message.delta(), session_number);
  if (!message.has_certified()) return true;  // of a newer controller
  const bool is_renewed = keep(message.certified(), own);
  return !is_renewed;  // the next conversation begins with it
}

bool ControllerSession::State::receive_delta(const v1::Delta& message, uint64_t session_number) {
  auto delta = nodestate::wire::from_proto(message);
  {
    const std::lock_guard lock(mutex);
    if (!delta || received.size() >= kMaxDeltasQueued) {
      complain(delta ? "sends faster than the node applies" : delta.error().text());
      held = {};
      received.clear();
      return false;
    }
    received.push_back({session_number, std::move(*delta)});
  }
  has_news();
  return true;
}

}  // namespace farspan::agent
