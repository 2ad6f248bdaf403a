// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/node_server.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <condition_variable>
#include <thread>

#include "farspan/controller/node_session.h"

namespace farspan::controller {
namespace {

constexpr int kMaxMessageBytes = 16 << 20;  // a status of some ten thousand tunnels
constexpr size_t kMaxNameBytes = 63;
constexpr size_t kMaxTokenBytes = 256;

class RefusedSession : public grpc::ServerBidiReactor<v1::NodeMessage, v1::ControllerMessage> {
 public:
  explicit RefusedSession(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

std::string only_value(const grpc::AuthContext& auth, const char* property) {
  const auto values = auth.FindPropertyValues(property);
  return values.size() == 1 ? std::string(values.front().data(), values.front().size())
                            : std::string();
}

// Whom the client certificate names, which TLS verified against the CA; empty without one. The
// controller's own certificate is the CA's as well, but no name of a Node has a dot.
Claimed claimed_by(const grpc::CallbackServerContext& context) {
  const auto auth = context.auth_context();
  if (!auth || !auth->IsPeerAuthenticated()) return {};
  Claimed claimed{only_value(*auth, GRPC_X509_CN_PROPERTY_NAME),
                  only_value(*auth, GRPC_X509_SAN_PROPERTY_NAME)};
  return claimed.node.find('.') == std::string::npos ? claimed : Claimed{};
}

Error not_a_node(const std::string& name) {
  return {ErrorCode::kDenied, "Node " + name, "certificate",
          "was revoked, or its node is not declared any more",
          "declare the node if it is not, and enrol it again: farspan enrol " + name};
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

// The certificate of a declared node; whoever asks has proved to be that node.
Status certify(const NodeServices& services, const model::Node& node, const std::string& request,
               v1::EnrolReply& reply) {
  auto certificate = services.authority.sign_node(request, node, std::chrono::system_clock::now());
  if (!certificate) return certificate.error();
  reply.set_certificate(*std::move(certificate));
  reply.set_ca_certificate(services.authority.certificate_der());
  return ok();
}

class SessionService : public v1::NodeSession::CallbackService {
 public:
  SessionService(const NodeServices& services, SessionRegistry& registry)
      : services_(services), registry_(registry) {}

  grpc::ServerBidiReactor<v1::NodeMessage, v1::ControllerMessage>* Session(
      grpc::CallbackServerContext* context) override {
    const Claimed claimed = claimed_by(*context);
    if (claimed.node.empty()) {
      spdlog::warn("session from {} refused: no certificate of a node", context->peer());
      return new RefusedSession(unauthenticated());
    }
    auto session = std::make_shared<controller::NodeSession>(claimed, services_, registry_);
    auto* reactor = session.get();
    registry_.add(std::move(session));
    reactor->begin();
    return reactor;
  }

  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context,
                                  const v1::RenewRequest* request, v1::EnrolReply* reply) override {
    auto* reactor = context->DefaultReactor();
    const Claimed claimed = claimed_by(*context);
    if (claimed.node.empty()) {
      reactor->Finish(unauthenticated());
      return reactor;
    }
    const auto certified = renew(claimed, *request, *reply);
    if (certified)
      spdlog::info("node {} renewed its certificate", claimed.node);
    else
      spdlog::warn("node {} gets no new certificate: {}", claimed.node, certified.error().what);
    reactor->Finish(certified ? grpc::Status::OK : to_grpc(certified.error()));
    return reactor;
  }

 private:
  Status renew(const Claimed& claimed, const v1::RenewRequest& request, v1::EnrolReply& reply) {
    const auto now = services_.controller.published();
    const model::Node* node = node_of(now->model, claimed);
    if (node == nullptr) return not_a_node(claimed.node);
    return certify(services_, *node, request.certificate_request(), reply);
  }

  static grpc::Status unauthenticated() {
    return {grpc::StatusCode::UNAUTHENTICATED, "a node's certificate is needed: enrol first"};
  }

  const NodeServices services_;
  SessionRegistry& registry_;
};

class EnrolmentService : public v1::Enrolment::CallbackService {
 public:
  explicit EnrolmentService(const NodeServices& services) : services_(services) {}

  grpc::ServerUnaryReactor* Enrol(grpc::CallbackServerContext* context,
                                  const v1::EnrolRequest* request, v1::EnrolReply* reply) override {
    auto* reactor = context->DefaultReactor();
    const auto enrolled = enrol(*request, *reply);
    if (enrolled) {
      spdlog::info("node {} enrolled from {}", request->node(), context->peer());
      reactor->Finish(grpc::Status::OK);
    } else {
      spdlog::warn("enrolment from {} refused: {}", context->peer(), enrolled.error().what);
      reactor->Finish(to_grpc(enrolled.error()));
    }
    return reactor;
  }

 private:
  // The token is used up before the request is judged: a stolen one must not be tried again and
  // again.
  Status enrol(const v1::EnrolRequest& request, v1::EnrolReply& reply) {
    if (request.node().size() > kMaxNameBytes || request.token().size() > kMaxTokenBytes)
      return Error{ErrorCode::kInvalid, "EnrolRequest", "node", "or token is too long",
                   "send them as the enrolment bundle has them"};
    const auto published = services_.controller.published();
    const auto* node = published->model.find<model::Node>(request.node());
    const auto used = services_.enrolments.use(
        request.token(), node != nullptr ? node->identity() : "", std::chrono::system_clock::now());
    if (!used) return used;
    return certify(services_, *node, request.certificate_request(), reply);
  }

  const NodeServices services_;
};

// Wakes the sessions from a thread of its own, so that a publication costs the API's request
// nothing.
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
      changed_.wait(lock, [&] { return is_stopping_ || published_ != told; });
      if (is_stopping_) return;
      told = published_;
      lock.unlock();
      registry.wake_all();
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
                                                        const CertificateAuthority& authority) {
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = authority.certificate_pem();
  options.pem_key_cert_pairs.push_back({identity.key_pem, identity.certificate_pem});
  return grpc::SslServerCredentials(options);
}

}  // namespace

struct NodeServer::Running {
  explicit Running(const NodeServices& services)
      : sessions(services, registry),
        enrolments(services),
        publications(services.controller, registry) {}

  SessionRegistry registry;
  SessionService sessions;
  EnrolmentService enrolments;
  PublicationThread publications;
  int port = 0;
  std::unique_ptr<grpc::Server> server;  // last: it ends before what it uses
};

NodeServer::NodeServer(std::unique_ptr<Running> running) : running_(std::move(running)) {}

NodeServer::~NodeServer() {
  // Sessions never end by themselves, so the deadline is now: they are cancelled and their
  // reactions run out.
  running_->server->Shutdown(std::chrono::system_clock::now());
  running_->server->Wait();
}

Result<std::unique_ptr<NodeServer>> NodeServer::start(const std::string& address,
                                                      const ServerIdentity& identity,
                                                      const NodeServices& services) {
  auto running = std::make_unique<Running>(services);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, credentials_of(identity, services.authority), &running->port);
  builder.RegisterService(&running->sessions);
  builder.RegisterService(&running->enrolments);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT,
                             0);  // a second controller is refused, not shared with
  // Whoever connects and does not go on to a request is not kept for long.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 30'000);
  // A node that vanished is noticed within seconds, and one that asks often whether we live is not
  // cut off.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1'000);
  running->server = builder.BuildAndStart();
  if (!running->server || running->port == 0)
    return Error{ErrorCode::kUnavailable, "controller", "--listen", "cannot listen on " + address,
                 "choose an address of this machine and a free port"};
  return std::unique_ptr<NodeServer>(new NodeServer(std::move(running)));
}

int NodeServer::port() const { return running_->port; }

}  // namespace farspan::controller
