// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/node_session.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <vector>

#include "farspan/controller/grpc_buffer.h"
#include "farspan/controller/message_weight.h"
#include "farspan/controller/report_from_wire.h"
#include "farspan/nodestate/wire/wire.h"

namespace farspan::controller {
namespace {

// No revision is that high, so no state of a node ever has the number of an empty one: should the
// machine become the node again, it is given what it lacks.
constexpr uint64_t kOfAStranger = 1ull << 63;

// What a message may take of memory (message_weight.h). A tunnel with all its SAs, its problem and
// a failure takes 6 KB; 10,000 tunnels that are up, 35 MB.
constexpr size_t kMaxWeightOfHello = 64 << 10;
constexpr size_t kMaxWeightOfANode = 1 << 20;
constexpr size_t kMaxWeightOfATunnel = 16 << 10;
constexpr size_t kMaxWeightOfAPort = 2 << 10;
constexpr size_t kMaxWeight = 40 << 20;

}  // namespace

const model::Node* node_of(const model::Model& model, const Claimed& claimed) {
  const auto* node = model.find<model::Node>(claimed.node);
  return node != nullptr && node->identity() == claimed.identity ? node : nullptr;
}

NodeSession::NodeSession(Claimed claimed, const NodeServices& services, SessionRegistry& registry,
                         std::function<void()> over)
    : claimed_(std::move(claimed)),
      services_(services),
      registry_(registry),
      over_(std::move(over)) {}

void NodeSession::begin() { StartRead(&incoming_); }

void NodeSession::wake() {
  const std::lock_guard lock(mutex_);
  send_next();
}

void NodeSession::give_way() {
  has_given_way_ = true;
  const std::lock_guard lock(mutex_);
  end({grpc::StatusCode::ABORTED, "newer sessions of Node " + node_ + " took its place"});
}

void NodeSession::expire() {
  const std::lock_guard lock(mutex_);
  if (is_ended_) return;
  spdlog::warn("node {}: the certificate of its session has ended, and the session with it", node_);
  end({grpc::StatusCode::UNAUTHENTICATED,
       "the certificate of Node " + node_ + " has ended: farspan enrol " + node_});
}

void NodeSession::OnReadDone(bool is_read) {
  const std::lock_guard lock(mutex_);
  if (is_ended_) return;
  if (!is_read) return end(grpc::Status::OK);  // the node hung up
  size_t weight = 0;
  if (const auto message = parse_incoming(weight)) take(*message);
  if (!is_ended_) read_next(weight);
}

void NodeSession::read_next(size_t weight) {
  const auto wait = pace_.after(weight, std::chrono::steady_clock::now());
  if (wait <= std::chrono::steady_clock::duration::zero()) return StartRead(&incoming_);
  // Each pause has an alarm of its own: this may run inside the last one's reaction.
  pause_ = std::make_unique<grpc::Alarm>();
  pause_->Set(std::chrono::system_clock::now() + wait, [weak = weak_from_this()](bool) {
    const auto session = weak.lock();
    if (!session) return;
    const std::lock_guard lock(session->mutex_);
    if (!session->is_ended_) session->StartRead(&session->incoming_);
  });
}

// Weighed before it is parsed. What is refused is not believed, but ends no session: the node may
// still hold a larger state than the one it is to have.
std::optional<v1::NodeMessage> NodeSession::parse_incoming(size_t& weight) {
  const std::string bytes = text_of(incoming_);
  incoming_.Clear();
  const auto found = weight_of(bytes, *v1::NodeMessage::descriptor(), allowed_weight());
  weight = found.value_or(kMaxWeight);
  v1::NodeMessage message;
  if (found && message.ParseFromString(bytes)) return message;
  services_.reports.refused(node_, number_);
  if (!has_refused_)
    spdlog::warn(
        "node {} at {}: a message of {} bytes is refused: it says more than its state can have, or "
        "is malformed; further ones are counted only",
        node_, claimed_.from, bytes.size());
  has_refused_ = true;
  if (!feed_) end({grpc::StatusCode::INVALID_ARGUMENT, "this is no Hello"});
  return std::nullopt;
}

size_t NodeSession::allowed_weight() {
  if (!feed_) return kMaxWeightOfHello;
  const auto state = wanted();
  const size_t allowed = kMaxWeightOfANode + kMaxWeightOfATunnel * state->tunnels.size() +
                         kMaxWeightOfAPort * state->ports.size();
  allowed_weight_ = std::max(allowed_weight_, std::min(allowed, kMaxWeight));
  return allowed_weight_;
}

void NodeSession::OnWriteDone(bool is_written) {
  const std::lock_guard lock(mutex_);
  is_writing_ = false;
  outgoing_.Clear();
  if (is_written) send_next();  // else OnReadDone or OnCancel ends it
}

void NodeSession::OnCancel() {
  const std::lock_guard lock(mutex_);
  end(grpc::Status::CANCELLED);
}

void NodeSession::OnDone() {
  {
    const std::lock_guard lock(mutex_);
    if (number_ != 0) {
      services_.reports.disconnected(node_, number_);
      spdlog::info("node {} disconnected", node_);
    }
  }
  over_();
  registry_.remove(this);
}

void NodeSession::take(const v1::NodeMessage& message) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (message.has_hello() != !feed_.has_value())
    return end({grpc::StatusCode::FAILED_PRECONDITION, "Hello comes first, and once"});
  if (feed_) wanted();  // a revoked machine that reads nothing is not believed either
  switch (message.message_case()) {
    case v1::NodeMessage::kHello:
      return take_hello(message.hello());
    case v1::NodeMessage::kInForce:
      take_in_force(message.in_force(), now);
      return send_next();
    case v1::NodeMessage::kStatus:
      return services_.reports.status(node_, number_, status_from(message.status()), now);
    case v1::NodeMessage::kRenewal:
      return take_renewal(message.renewal());
    case v1::NodeMessage::MESSAGE_NOT_SET:
      return;  // of a newer agent: what we do not know is not for us
  }
}

// What fails is logged once, not each time that something else changes.
void NodeSession::take_in_force(const v1::InForce& in_force, SteadyTime now) {
  constexpr size_t kMostLogged = 20;
  const auto failures = failures_from(in_force);
  if (number_ != 0 && failures != services_.reports.of(node_)->failures) {
    for (size_t i = 0; i < failures.size() && i < kMostLogged; ++i)
      spdlog::warn("node {}: {}: {}", node_, failures[i].item, failures[i].reason);
    if (failures.size() > kMostLogged)
      spdlog::warn("node {}: {} failures more", node_, failures.size() - kMostLogged);
  }
  services_.reports.in_force(node_, number_, in_force.generation(), failures, now);
  feed_->acknowledge(in_force.generation());
}

// One in a session: whoever has a new certificate comes back with it.
void NodeSession::take_renewal(const v1::Renewal& renewal) {
  const auto now = services_.controller.published();
  const model::Node* node = node_of(now->model, claimed_);
  if (node == nullptr || has_renewed_) return;
  has_renewed_ = true;
  auto reply = services_.authority.renew_node(
      renewal.certificate_request(), *node, claimed_.public_key, std::chrono::system_clock::now());
  if (!reply) {
    spdlog::warn("node {} gets no new certificate: {}", node_, reply.error().what);
    return end({grpc::StatusCode::INVALID_ARGUMENT, reply.error().text()});
  }
  spdlog::info("node {} renewed its certificate and its key", node_);
  certified_.emplace().set_certificate(*std::move(reply));
  certified_->set_ca_certificate(services_.authority.certificate_der());
  send_next();
}

void NodeSession::take_hello(const v1::Hello& hello) {
  constexpr size_t kMaxDigest = 128;
  held_ = {hello.generation(), hello.digest().substr(0, kMaxDigest)};
  if (node_of(services_.controller.published()->model, claimed_) != nullptr) {
    if (!hello.digest().empty()) {
      const auto reconciled =
          services_.controller.reconcile_generation(node_, held_.generation, held_.digest);
      if (!reconciled) return end({grpc::StatusCode::UNAVAILABLE, reconciled.error().text()});
    }
    const std::string version = words_from(hello.version());
    number_ = services_.reports.connected(node_, version, claimed_.from,
                                          std::chrono::steady_clock::now());
    spdlog::info("node {} connected from {}, version {}, with generation {}", node_, claimed_.from,
                 version, hello.generation());
  } else if (services_.controller.has_replaced(node_, claimed_.identity)) {
    if (registry_.is_first_refusal(claimed_.identity))
      spdlog::warn("a machine with an earlier certificate of node {} is refused, and emptied first",
                   node_);
  } else {
    return refuse_an_unknown();
  }
  feed_.emplace(has_another_state_of_that_number() ? 0 : held_.generation);
  send_next();
}

// Only when the number was given up for a new one before, and the node came with that one as well.
bool NodeSession::has_another_state_of_that_number() {
  if (held_.digest.empty()) return false;
  const auto state = wanted();
  return state->generation == held_.generation &&
         nodestate::wire::digest_of(*state) != held_.digest;
}

// @pre the lock is held
void NodeSession::send_next() {
  if (!feed_ || is_writing_ || is_ended_) return;
  if (certified_) {
    v1::ControllerMessage message;
    *message.mutable_certified() = *std::move(certified_);
    certified_.reset();
    return write(message);
  }
  const auto target = wanted();
  const auto delta = feed_->next(target);
  if (!delta) {
    if (empty_ != nullptr && feed_->has(target->generation)) end_of_a_stranger();
    return;
  }
  spdlog::info("node {}: {} to generation {}", node_, delta->is_snapshot ? "snapshot" : "delta",
               delta->to_generation);
  v1::ControllerMessage message;
  *message.mutable_delta() = nodestate::wire::to_proto(*delta);
  write(message);
}

void NodeSession::write(const v1::ControllerMessage& message) {
  if (const auto made = to_buffer(message, outgoing_); !made.ok()) return end(made);
  is_writing_ = true;
  StartWrite(&outgoing_);
}

// Once a stranger, always one: no identity comes back.
std::shared_ptr<const nodestate::NodeState> NodeSession::wanted() {
  if (empty_ != nullptr) return empty_;
  const auto now = services_.controller.published();
  if (node_of(now->model, claimed_) != nullptr) return now->states.at(node_);
  const bool is_declared = now->model.find<model::Node>(node_) != nullptr;
  if (is_declared)
    services_.reports.disconnected(node_, number_);
  else
    services_.reports.forget(node_, number_);
  number_ = 0;
  auto state = std::make_shared<nodestate::NodeState>();
  state->node = node_;
  const bool is_empty_already = nodestate::wire::digest_of(*state) == held_.digest;
  state->generation = is_empty_already ? held_.generation : kOfAStranger | now->revision;
  empty_ = std::move(state);
  return empty_;
}

// Of another history than the store's: enrolled after the copy was made that the store was restored
// from, as far as anybody can tell. What it forwards may be all that an office has, so it keeps it.
void NodeSession::refuse_an_unknown() {
  if (registry_.is_first_refusal(claimed_.identity))
    spdlog::warn(
        "node {} is refused: this store never gave it its certificate ({}); it keeps its state "
        "until "
        "it is enrolled again: farspan enrol {}",
        node_, words_from(claimed_.identity), node_);
  end({grpc::StatusCode::PERMISSION_DENIED,
       "the controller's store does not know this certificate of Node " + node_ +
           ", perhaps because it was restored from a backup; the state is kept; declare the Node "
           "if "
           "it is not, and enrol it again: farspan enrol " +
           node_});
}

void NodeSession::end_of_a_stranger() {
  const bool is_declared =
      services_.controller.published()->model.find<model::Node>(node_) != nullptr;
  if (is_declared)
    end({grpc::StatusCode::PERMISSION_DENIED,
         "the certificate of Node " + node_ +
             " was revoked and it is empty now; to take it back: farspan enrol " + node_});
  else
    end({grpc::StatusCode::NOT_FOUND, "Node " + node_ + " is not declared; it is empty now"});
}

void NodeSession::end(const grpc::Status& status) {
  if (is_ended_) return;
  is_ended_ = true;
  Finish(status);
}

}  // namespace farspan::controller
