// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/node_server.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <condition_variable>
#include <thread>
#include <utility>

#include "farspan/controller/certificate.h"
#include "farspan/controller/grpc_buffer.h"
#include "farspan/controller/grpc_words.h"
#include "farspan/controller/message_weight.h"
#include "farspan/controller/node_session.h"
#include "farspan/controller/peer_address.h"

namespace farspan::controller {
namespace {

constexpr int kMaxMessageBytes = 8 << 20;        // a status of some ten thousand tunnels
constexpr int kMaxEnrolRequestBytes = 16 << 10;  // kMaxRequestBytes, a name and a token
constexpr size_t kMaxEnrolRequestWeight = 64 << 10;
constexpr size_t kMaxStrangersBytes = 64 << 20;  // of all their connections together
constexpr int kMaxStreams = 4;                   // of a connection: agents have one
constexpr std::chrono::seconds kTick{5};
constexpr size_t kMaxNameBytes = 63;
constexpr size_t kMaxTokenBytes = 256;

class RefusedSession : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit RefusedSession(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

std::string only_value(const grpc::AuthContext& auth, const char* property) {
  const auto values = auth.FindPropertyValues(property);
  return values.size() == 1 ? std::string(values.front().data(), values.front().size())
                            : std::string();
}

// Whom the client certificate names, which TLS verified against the CA; nobody without one. The
// controller's own certificate is the CA's as well, but no name of a Node has a dot.
Claimed claimed_by(const grpc::CallbackServerContext& context) {
  const auto auth = context.auth_context();
  if (!auth || !auth->IsPeerAuthenticated()) return {};
  Claimed claimed;
  claimed.node = only_value(*auth, GRPC_X509_CN_PROPERTY_NAME);
  claimed.identity = only_value(*auth, GRPC_X509_SAN_PROPERTY_NAME);
  const X509Ptr certificate =
      certificate_from_pem(only_value(*auth, GRPC_X509_PEM_CERT_PROPERTY_NAME));
  if (!certificate || claimed.node.find('.') != std::string::npos) return {};
  claimed.public_key = public_key_of(certificate.get());
  claimed.ends_at = end_of(certificate.get());
  const auto peer = peer_of(context.peer());
  claimed.from = peer ? peer->address.text() : context.peer();
  return claimed;
}

grpc::Status to_grpc(const Error& error) {
  const auto code = error.code == ErrorCode::kDenied     ? grpc::StatusCode::PERMISSION_DENIED
                    : error.code == ErrorCode::kInvalid  ? grpc::StatusCode::INVALID_ARGUMENT
                    : error.code == ErrorCode::kNotFound ? grpc::StatusCode::NOT_FOUND
                    : error.code == ErrorCode::kUnavailable
                        ? grpc::StatusCode::UNAVAILABLE  // passes: the node keeps its bundle
                        : grpc::StatusCode::INTERNAL;
  return {code, error.text()};
}

class SessionService
    : public v1::NodeSession::WithRawCallbackMethod_Session<v1::NodeSession::Service> {
 public:
  SessionService(const NodeServices& services, SessionRegistry& registry, NodeListener& listener)
      : services_(services), registry_(registry), listener_(listener) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Session(
      grpc::CallbackServerContext* context) override {
    Claimed claimed = claimed_by(*context);
    if (claimed.node.empty()) {
      spdlog::warn("session from {} refused: no certificate of a node", context->peer());
      return new RefusedSession(
          {grpc::StatusCode::UNAUTHENTICATED, "a node's certificate is needed: enrol first"});
    }
    if (!registry_.may_begin(claimed.identity, std::chrono::steady_clock::now()))
      return new RefusedSession(
          {grpc::StatusCode::RESOURCE_EXHAUSTED, "sessions of this node begin too fast"});
    const std::string peer = context->peer();
    if (!listener_.session_opened(peer))
      return new RefusedSession(
          {grpc::StatusCode::RESOURCE_EXHAUSTED, "there are too many connections of nodes"});
    auto session = std::make_shared<controller::NodeSession>(
        std::move(claimed), services_, registry_, [this, peer] { listener_.session_closed(peer); });
    auto* reactor = session.get();
    registry_.add(std::move(session));
    reactor->begin();
    return reactor;
  }

 private:
  const NodeServices services_;
  SessionRegistry& registry_;
  NodeListener& listener_;
};

class EnrolmentService : public v1::Enrolment::WithRawCallbackMethod_Enrol<v1::Enrolment::Service> {
 public:
  explicit EnrolmentService(const NodeServices& services) : services_(services) {}

  grpc::ServerUnaryReactor* Enrol(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* wire, grpc::ByteBuffer* answer) override {
    auto* reactor = context->DefaultReactor();
    v1::EnrolRequest request;
    v1::EnrolReply reply;
    const auto enrolled = enrol(text_of(*wire), request, reply);
    if (!enrolled) {
      spdlog::warn("enrolment from {} refused: {}", context->peer(), enrolled.error().what);
      reactor->Finish(to_grpc(enrolled.error()));
      return reactor;
    }
    spdlog::info("node {} enrolled from {}", request.node(), context->peer());
    reactor->Finish(to_buffer(reply, *answer));
    return reactor;
  }

 private:
  // The token is used up before the request is judged: a stolen one must not be tried again and
  // again.
  Status enrol(const std::string& wire, v1::EnrolRequest& request, v1::EnrolReply& reply) {
    if (!weight_of(wire, *v1::EnrolRequest::descriptor(), kMaxEnrolRequestWeight) ||
        !request.ParseFromString(wire))
      return Error{ErrorCode::kInvalid, "EnrolRequest", "", "is malformed", "use farspan-agent"};
    if (request.node().size() > kMaxNameBytes || request.token().size() > kMaxTokenBytes)
      return Error{ErrorCode::kInvalid, "EnrolRequest", "node", "or token is too long",
                   "send them as the enrolment bundle has them"};
    const auto published = services_.controller.published();
    const auto* node = published->model.find<model::Node>(request.node());
    const auto used = services_.enrolments.use(
        request.token(), node != nullptr ? node->identity() : "", std::chrono::system_clock::now());
    if (!used) return used;
    auto certificate = services_.authority.sign_node(request.certificate_request(), *node,
                                                     std::chrono::system_clock::now());
    if (!certificate) return certificate.error();
    reply.set_certificate(*std::move(certificate));
    reply.set_ca_certificate(services_.authority.certificate_der());
    return ok();
  }

  const NodeServices services_;
};

// Wakes the sessions from a thread of its own, so that a publication costs the API's request
// nothing; and ends those whose certificate has ended.
class PublicationThread {
 public:
  PublicationThread(Controller& controller, SessionRegistry& registry)
      : subscription_(controller.watch([this](uint64_t revision) { published(revision); })),
        thread_([this, &registry] { run(registry); }) {}
  ~PublicationThread() {
    subscription_.reset();
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

 private:
  void published(uint64_t revision) {
    {
      const std::lock_guard lock(mutex_);
      published_ = revision;
    }
    changed_.notify_one();
  }
  void run(SessionRegistry& registry) {
    std::unique_lock lock(mutex_);
    for (uint64_t told = 0;;) {
      changed_.wait_for(lock, kTick, [&] { return is_stopping_ || published_ != told; });
      if (is_stopping_) return;
      const bool is_news = std::exchange(told, published_) != published_;
      lock.unlock();
      if (is_news) registry.wake_all();
      registry.end_expired(std::chrono::system_clock::now());
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t published_ = 0;
  bool is_stopping_ = false;
  std::unique_ptr<store::Subscription> subscription_;
  std::thread thread_;
};

std::shared_ptr<grpc::ServerCredentials> credentials_of(const ServerIdentity& identity,
                                                        const CertificateAuthority& authority,
                                                        NodeListener::Door door) {
  grpc::SslServerCredentialsOptions options(
      door == NodeListener::Door::kSessions
          ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
          : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  if (door == NodeListener::Door::kSessions) options.pem_root_certs = authority.certificate_pem();
  options.pem_key_cert_pairs.push_back({identity.key_pem, identity.certificate_pem});
  return grpc::SslServerCredentials(options);
}

using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

// What is behind one door.
struct Served {
  std::unique_ptr<Acceptor> acceptor;
  std::unique_ptr<grpc::Server> server;

  void take(UniqueFd connection) {
    Acceptor::NewConnectionParameters parameters;
    parameters.fd = connection.release();
    acceptor->HandleNewConnection(&parameters);
  }
  Served() = default;
  Served(Served&&) = default;
  Served& operator=(Served&&) = default;
  // Sessions never end by themselves, so the deadline is now: they are cancelled and their
  // reactions run out.
  ~Served() {
    if (!server) return;
    server->Shutdown(std::chrono::system_clock::now());
    server->Wait();
  }
};

Served serve(NodeListener::Door door, grpc::Service& service, const ServerIdentity& identity,
             const CertificateAuthority& authority) {
  const bool is_for_nodes = door == NodeListener::Door::kSessions;
  grpc::ServerBuilder builder;
  Served served;
  served.acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      credentials_of(identity, authority, door));
  builder.RegisterService(&service);
  builder.SetMaxReceiveMessageSize(is_for_nodes ? kMaxMessageBytes : kMaxEnrolRequestBytes);
  builder.SetMaxSendMessageSize(-1);
  // The listener ends whoever takes longer for all of it.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // windows stay at 64 KiB
  if (is_for_nodes) {
    // A node that vanished is noticed within seconds, and one that asks often whether we live is
    // not cut off.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 5'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1'000);
  } else {
    grpc::ResourceQuota quota("strangers");
    builder.SetResourceQuota(quota.Resize(kMaxStrangersBytes));
  }
  served.server = builder.BuildAndStart();
  return served;
}

}  // namespace

struct NodeServer::Running {
  Running(const NodeServices& services, std::unique_ptr<NodeListener> from)
      : listener(std::move(from)),
        session_service(services, registry, *listener),
        enrolment_service(services),
        publications(services.controller, registry) {}

  SessionRegistry registry;
  std::unique_ptr<NodeListener> listener;
  SessionService session_service;
  EnrolmentService enrolment_service;
  PublicationThread publications;
  Served sessions, enrolment;  // last: they end before what they use
};

NodeServer::NodeServer(std::unique_ptr<Running> running) : running_(std::move(running)) {}

NodeServer::~NodeServer() { running_->listener->stop(); }

Result<std::unique_ptr<NodeServer>> NodeServer::start(const std::string& address,
                                                      const ServerIdentity& identity,
                                                      const NodeServices& services,
                                                      const NodePortLimits& limits) {
  keep_grpc_words_few();
  auto listener = NodeListener::open(address, limits);
  if (!listener) return listener.error();
  auto running = std::make_unique<Running>(services, *std::move(listener));
  using Door = NodeListener::Door;
  running->sessions =
      serve(Door::kSessions, running->session_service, identity, services.authority);
  running->enrolment =
      serve(Door::kEnrolment, running->enrolment_service, identity, services.authority);
  if (!running->sessions.server || !running->enrolment.server)
    return Error{ErrorCode::kInternal, "controller", "--listen", "gRPC does not start", ""};
  running->listener->start([all = running.get()](Door door, UniqueFd connection) {
    (door == Door::kSessions ? all->sessions : all->enrolment).take(std::move(connection));
  });
  return std::unique_ptr<NodeServer>(new NodeServer(std::move(running)));
}

int NodeServer::port() const { return running_->listener->port(); }

NodeListener::Places NodeServer::places() const { return running_->listener->places(); }

}  // namespace farspan::controller
