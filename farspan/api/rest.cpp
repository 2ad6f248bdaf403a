// SPDX-License-Identifier: Apache-2.0
#include "farspan/api/rest.h"

#include <charconv>

#include "farspan/api/json.h"
#include "farspan/api/rest_operation.h"

namespace farspan::api {

using controller::Role;

namespace {

constexpr size_t kWatchBatch = 1000;

unsigned status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return 400;
    case ErrorCode::kDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kInternal:
      break;
  }
  return 500;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3986 §2.1; '+' stays what it is, nobody here sends forms.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(1);  // the '/'
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

// The values of the {names} of `pattern` when `path` fits it.
std::optional<PathValues> match(std::string_view pattern, std::string_view path) {
  PathValues values;
  while (!pattern.empty() && !path.empty() && path.front() == '/') {
    const std::string_view wanted = next_segment(pattern), found = next_segment(path);
    if (wanted.starts_with('{')) {
      auto value = percent_decode(found);
      if (!value || value->empty()) return std::nullopt;
      values.push_back(*std::move(value));
    } else if (wanted != found) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return values;
}

const char* word_of(store::Action action) {
  switch (action) {
    case store::Action::kCreate:
      return "create";
    case store::Action::kUpdate:
      return "update";
    case store::Action::kDelete:
      break;
  }
  return "delete";
}

// RFC 9110 §15.5.4: known, and not allowed.
std::optional<Answer> refuse_role(const Request& request, controller::Role wanted) {
  if (request.principal.role >= wanted) return std::nullopt;
  const std::string role(word_of(controller::kRoles, wanted));
  return refusal(Error{ErrorCode::kDenied, request.method + " " + request.path, "role",
                       std::string(word_of(controller::kRoles, request.principal.role)) + " of " +
                           request.principal.name + " may not do this",
                       "ask with a token of the role " + role});
}

std::variant<Answer, Watch> begin_watch(const Request& request, uint64_t now) {
  const auto asked = request.query.find("revision");
  if (asked == request.query.end()) return Watch{now};
  const std::string& text = asked->second;
  uint64_t revision = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (fault != std::errc() || end != text.data() + text.size())
    return refusal(Error{ErrorCode::kInvalid, "GET /v1/watch", "revision", "is not a number",
                         "give the revision of a list, or none"});
  return Watch{revision};
}

}  // namespace

Answer refusal(const Errors& errors) {
  Json list = Json::array();
  for (const Error& error : errors)
    list.push_back({{"code", to_string(error.code)},
                    {"resource", error.resource},
                    {"field", error.field},
                    {"what", error.what},
                    {"remedy", error.remedy}});
  Answer answer = json_answer({{"errors", list}});
  answer.status = errors.empty() ? 500 : status_of(errors.front().code);
  return answer;
}

Answer refusal(const Error& error) { return refusal(Errors{error}); }

Answer took_too_long() {
  return refusal(Error{ErrorCode::kUnavailable, "the question", "", "took too long to answer",
                       "ask for less of it (limit), or ask again later"});
}

std::optional<Request> Rest::parse_target(std::string_view target) {
  Request request;
  for (const std::string_view scheme : {"http://", "https://"}) {  // RFC 9112 §3.2.2
    if (!target.starts_with(scheme)) continue;
    const size_t path = target.find('/', scheme.size());
    target = path == std::string_view::npos ? "/" : target.substr(path);
  }
  const size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question == std::string_view::npos) return request;
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals));
    auto value = percent_decode(equals == std::string_view::npos ? std::string_view()
                                                                 : pair.substr(equals + 1));
    if (!name || !value) return std::nullopt;
    const bool is_new = request.query.emplace(*name, *std::move(value)).second;
    if (!is_new) request.given_twice = *name;
  }
  return request;
}

Work work_of(const Request& request) {
  const std::string_view method = request.method == "HEAD" ? "GET" : request.method;
  for (const auto& operation : operations())
    if (method == operation.method && match(operation.path, request.path)) return operation.work;
  return Work::kQuick;
}

std::variant<Answer, Watch> Rest::answer(const Request& request) const {
  std::string allow;
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  for (const Operation& operation : operations()) {
    const auto values = match(operation.path, request.path);
    if (!values) continue;
    if (method != operation.method) {
      const bool is_get = std::string_view(operation.method) == "GET";
      allow += (allow.empty() ? "" : ", ") + std::string(is_get ? "GET, HEAD" : operation.method);
      continue;
    }
    if (auto refused = refuse_role(request, operation.role)) return *std::move(refused);
    if (!request.given_twice.empty())
      return refusal(Error{ErrorCode::kInvalid, request.method + " " + request.path,
                           request.given_twice, "is given twice", "give it once"});
    for (const auto& [name, value] : request.query) {
      bool is_known = false;
      for (const auto& parameter : operation.query) is_known = is_known || name == parameter.name;
      if (!is_known)
        return refusal(Error{ErrorCode::kInvalid, request.method + " " + request.path, name,
                             "is not a parameter of this request", "see GET /v1/openapi.json"});
    }
    if (operation.answerer == nullptr)
      return begin_watch(request, sources_.controller.published()->revision);
    return (this->*operation.answerer)(request, *values);
  }
  if (allow.empty())
    return refusal(Error{ErrorCode::kNotFound, request.path, "path",
                         "is not an address of this API", "see GET /v1/openapi.json"});
  Answer answer = refusal(Error{ErrorCode::kNotFound, request.path, "method",
                                request.method + " is not possible here", "use " + allow});
  answer.status = 405;
  answer.allow = allow;
  return answer;
}

Result<Rest::Lines> Rest::changes(uint64_t after) const {
  const auto changes = sources_.controller.changes_after(after, kWatchBatch);
  if (!changes) return changes.error();
  Lines lines{"", after};
  for (const store::Change& change : *changes) {
    lines.text += to_text({{"revision", change.revision},
                           {"action", word_of(change.action)},
                           {"kind", change.key.kind},
                           {"name", change.key.name}}) +
                  "\n";
    lines.revision = change.revision;
  }
  return lines;
}

const std::vector<Rest::Operation>& operations() {
  static const std::vector<Rest::Operation> kOperations = {
      {.role = Role::kOperator,
       .method = "POST",
       .path = "/v1/apply",
       .summary = "Create and update what the documents declare, whole or not at all",
       .answerer = &Rest::apply,
       .query = {{"revision", "refuse when this is not the latest one", false}},
       .has_documents = true,
       .work = Work::kChange},
      {.role = Role::kOperator,
       .method = "POST",
       .path = "/v1/plan",
       .summary = "What apply would change, without doing it",
       .answerer = &Rest::plan,
       .has_documents = true},
      {.role = Role::kOperator,
       .method = "POST",
       .path = "/v1/delete",
       .summary = "Delete what the documents name, whole or not at all",
       .answerer = &Rest::remove,
       .query = {{"revision", "refuse when this is not the latest one", false},
                 {"cascade", "true: with what cannot be without it", false}},
       .has_documents = true,
       .work = Work::kChange},
      {.role = Role::kOperator,
       .method = "POST",
       .path = "/v1/plan-delete",
       .summary = "What delete would change, without doing it",
       .answerer = &Rest::plan_remove,
       .query = {{"cascade", "true: with what cannot be without it", false}},
       .has_documents = true},
      {.role = Role::kViewer,
       .method = "GET",
       .path = "/v1/resources/{kind}",
       .summary = "Every resource of a kind, as declared, with what is in force",
       .answerer = &Rest::list,
       .query = {{"limit", "rows of a page; default: all of them", false},
                 {"continue", "of the answer before, for the next page", false},
                 {"where", "conditions, such as spec.vpn_gateway=us-east,status.in_force=false",
                  false}}},
      {.role = Role::kViewer,
       .method = "GET",
       .path = "/v1/resources/{kind}/{name}",
       .summary = "One resource, as declared, with what is in force",
       .answerer = &Rest::get},
      {.role = Role::kOperator,
       .method = "DELETE",
       .path = "/v1/resources/{kind}/{name}",
       .summary = "Delete one resource",
       .answerer = &Rest::remove_one,
       .query = {{"revision", "refuse when this is not the latest one", false},
                 {"cascade", "true: with what cannot be without it", false}},
       .work = Work::kChange},
      {.role = Role::kOperator,
       .method = "POST",
       .path = "/v1/resources/{kind}/{name}/rename",
       .summary = "Call it otherwise; what refers to it follows, and no tunnel is touched",
       .answerer = &Rest::rename,
       .query = {{"to", "the new name", true},
                 {"plan", "true: without doing it", false},
                 {"revision", "refuse when this is not the latest one", false}},
       .work = Work::kChange},
      {.role = Role::kViewer,
       .method = "GET",
       .path = "/v1/vpcs/{name}/routes",
       .summary = "Every candidate route of a Vpc, with origin, state and reason",
       .answerer = &Rest::routes,
       .query = {{"limit", "rows of a page; default: all of them", false},
                 {"continue", "of the answer before, for the next page", false}}},
      {.role = Role::kViewer,
       .method = "GET",
       .path = "/v1/tunnels",
       .summary = "Every tunnel, as its node reports it",
       .answerer = &Rest::tunnels},
      {.role = Role::kViewer,
       .method = "GET",
       .path = "/v1/flows",
       .summary = "Who holds and opens how many flows on each node, those with most first",
       .answerer = &Rest::flows},
      {.role = Role::kViewer,
       .method = "GET",
       .path = "/v1/nodes",
       .summary = "Every node: connection, generations, failures, counters, drops",
       .answerer = &Rest::nodes},
      {.role = Role::kViewer,
       .method = "GET",
       .path = "/v1/reachability",
       .summary = "Would packets get there and the answers back, if every tunnel is up",
       .answerer = &Rest::reachability,
       .query = {{"from", "address, or name of an Instance or office", true},
                 {"to", "address, or name of an Instance or office", true},
                 {"protocol", "icmp (default), tcp or udp", false},
                 {"port", "destination port, for tcp and udp", false}}},
      {.role = Role::kOperator,
       .method = "GET",
       .path = "/v1/export/ipsec-connections/{name}",
       .summary = "How the office's device must be set up; holds the pre-shared key",
       .answerer = &Rest::export_connection,
       .query = {{"format", "swanctl (default) or json", false}},
       .answer_type = "text/plain"},
      {.role = Role::kViewer,
       .method = "GET",
       .path = "/v1/watch",
       .summary = "A stream of changes, one JSON object per line",
       .answerer = nullptr,
       .query = {{"revision", "changes after this one; default: from now on", false}},
       .answer_type = "application/x-ndjson",
       .work = Work::kQuick},
      {.role = Role::kAdmin,
       .method = "POST",
       .path = "/v1/nodes/{name}/enrolment",
       .summary = "A one-time bundle with which a node's agent joins",
       .answerer = &Rest::enrol,
       .work = Work::kChange},
      {.role = Role::kAdmin,
       .method = "POST",
       .path = "/v1/nodes/{name}/revocation",
       .summary = "Takes back every certificate and enrolment token that the node was given",
       .answerer = &Rest::revoke,
       .work = Work::kChange},
      {.role = Role::kAdmin,
       .method = "GET",
       .path = "/v1/audit",
       .summary = "Who did what, from where and when; the newest first",
       .answerer = &Rest::audit,
       .query = {{"who", "name of the principal", false},
                 {"action", "create, update, delete, revoke, enrol or export", false},
                 {"kind", "of what it was done to", false},
                 {"name", "of what it was done to", false},
                 {"since", "not before this date or time (RFC 3339, UTC)", false},
                 {"limit", "rows of a page, at most 1000; default: 100", false},
                 {"continue", "of the answer before, for the next page", false}}},
      {.role = Role::kAdmin,
       .method = "GET",
       .path = "/v1/tokens",
       .summary = "Every token, without its secret",
       .answerer = &Rest::tokens},
      {.role = Role::kAdmin,
       .method = "POST",
       .path = "/v1/tokens",
       .summary = "Make a token; its secret is told this once",
       .answerer = &Rest::create_token,
       .query = {{"name", "of the token", true},
                 {"role", "viewer, operator or admin", true},
                 {"expires_at", "date or time (RFC 3339, UTC); default: never", false}},
       .work = Work::kChange},
      {.role = Role::kAdmin,
       .method = "DELETE",
       .path = "/v1/tokens/{name}",
       .summary = "Take a token back, from this moment on",
       .answerer = &Rest::revoke_token,
       .work = Work::kChange},
      {.role = Role::kViewer,
       .method = "GET",
       .path = "/v1/whoami",
       .summary = "Who asks, as this controller knows it, and what its role is",
       .answerer = &Rest::whoami,
       .work = Work::kQuick},
      {.role = Role::kViewer,
       .method = "GET",
       .path = "/v1/ca",
       .summary = "The certificate of the CA of this network",
       .answerer = &Rest::ca,
       .work = Work::kQuick},
      {.role = Role::kViewer,
       .method = "GET",
       .path = "/v1/version",
       .summary = "Version of the controller and revision of what is declared",
       .answerer = &Rest::version,
       .work = Work::kQuick},
      {.role = Role::kViewer,
       .method = "GET",
       .path = "/v1/openapi.json",
       .summary = "This description",
       .answerer = &Rest::openapi},
      {.role = Role::kViewer,
       .method = "GET",
       .path = "/metrics",
       .summary = "Counters of nodes and tunnels for Prometheus",
       .answerer = &Rest::metrics,
       .answer_type = "text/plain"},
  };
  return kOperations;
}

}  // namespace farspan::api
