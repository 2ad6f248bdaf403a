// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/enrolment.h"

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "farspan/agent/state_file.h"
#include "farspan/base/controller_names.h"
#include "farspan/v1/node_session.grpc.pb.h"

namespace farspan::agent {
namespace {

constexpr size_t kMaxBundle = 64 * 1024;
constexpr size_t kMaxShortField = 512;
constexpr const char* kRemedy = "make a new bundle on the controller: farspan enrol NODE";

Error invalid(std::string field, std::string what) {
  return {ErrorCode::kInvalid, "Enrolment bundle", std::move(field), std::move(what), kRemedy};
}

Error refusal(const grpc::Status& status) {
  const bool is_passing = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                          status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  return {is_passing ? ErrorCode::kUnavailable : ErrorCode::kDenied, "Enrolment", "",
          "the controller answered: " + status.error_message(), ""};
}

Result<v1::EnrolReply> ask(const Bundle& bundle, const std::string& controller,
                           const std::string& request_der) {
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(kEnrolmentName);
  const auto channel = grpc::CreateCustomChannel(
      controller, grpc::SslCredentials({bundle.ca_certificate, "", ""}), arguments);
  v1::EnrolRequest request;
  request.set_node(bundle.node);
  request.set_token(bundle.token);
  request.set_certificate_request(request_der);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  v1::EnrolReply reply;
  const auto status = v1::Enrolment::NewStub(channel)->Enrol(&context, request, &reply);
  if (!status.ok()) return refusal(status);
  return reply;
}

// With a key of its own: the one there is may be the reason for the bundle (docs/ops/lost-node.md).
Status enrol_by(const Bundle& bundle, const std::string& directory, const std::string& controller) {
  const auto key = make_key();
  if (!key) return key.error();
  auto request = certificate_request(*key, bundle.node);
  if (!request) return request.error();
  auto reply = ask(bundle, controller, *request);
  if (!reply) return reply.error();
  return keep_identity(directory, bundle.node, *key, reply->certificate(), reply->ca_certificate(),
                       bundle.ca_certificate);
}

Result<Bundle> read_bundle(const std::string& path, const std::string& node) {
  auto bytes = read_file(path, kMaxBundle);
  if (!bytes) return bytes.error();
  auto bundle = parse_bundle(*bytes);
  if (bundle && bundle->node != node)
    return invalid("node", "is " + bundle->node + ", this is Node " + node);
  return bundle;
}

}  // namespace

Result<Bundle> parse_bundle(std::string_view json) {
  const auto document = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return invalid("", "is no JSON object");
  Bundle bundle;
  const std::pair<const char*, std::string*> fields[] = {
      {"node", &bundle.node},
      {"controller", &bundle.controller},
      {"token", &bundle.token},
      {"ca_certificate", &bundle.ca_certificate}};
  for (const auto& [name, to] : fields) {
    const auto field = document.find(name);
    if (field == document.end() || !field->is_string())
      return invalid(name, "is missing or no text");
    *to = field->get<std::string>();
    const size_t limit = to == &bundle.ca_certificate ? kMaxBundle : kMaxShortField;
    if (to->empty() || to->size() > limit) return invalid(name, "is empty or too long");
  }
  return bundle;
}

Result<Enrolled> enrol(const std::string& directory, const std::string& node,
                       const std::string& controller, const std::string& bundle_path) {
  auto identity = load_identity(directory, node);
  const auto as_it_is = [&](std::optional<Error> why) -> Result<Enrolled> {
    if (!identity) return why ? *why : identity.error();
    return Enrolled{*std::move(identity), std::move(why)};
  };
  if (bundle_path.empty()) return as_it_is({});
  auto bundle = read_bundle(bundle_path, node);
  if (!bundle) {
    const bool is_none = bundle.error().code == ErrorCode::kNotFound && identity;
    return as_it_is(is_none ? std::nullopt : std::optional(bundle.error()));
  }
  // Whoever put the bundle there wants it used, whatever certificate the node has. A crash may also
  // have left one whose token is used up: the refusal says so, and the certificate there serves.
  if (const auto done = enrol_by(*bundle, directory, controller); !done) {
    const bool is_spent = identity && identity->ca_certificate == bundle->ca_certificate &&
                          done.error().code != ErrorCode::kUnavailable;
    if (is_spent) ::unlink(bundle_path.c_str());
    return as_it_is(done.error());
  }
  identity = load_identity(directory, node);
  if (!identity) return identity.error();
  ::unlink(bundle_path.c_str());
  return as_it_is({});
}

}  // namespace farspan::agent
