// SPDX-License-Identifier: Apache-2.0
// whoami, tokens, audit: who may do what, and who did.
#include <charconv>

#include "farspan/api/json.h"
#include "farspan/base/utc.h"
#include "farspan/model/kind_names.h"

namespace farspan::api {
namespace {

using controller::Token;

constexpr size_t kMostRows = 1000, kRows = 100;

Error wrong_parameter(const Request& request, const char* field, std::string what,
                      std::string remedy) {
  return {ErrorCode::kInvalid, request.method + " " + request.path, field, std::move(what),
          std::move(remedy)};
}

std::string asked_of(const Request& request, const char* name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

Json time_json(int64_t milliseconds) {
  return milliseconds == 0 ? Json() : Json(utc_text(milliseconds));
}

Json token_json(const Token& token) {
  return {{"name", token.name},
          {"role", word_of(controller::kRoles, token.role)},
          {"created_by", token.created_by},
          {"created_at", time_json(token.created_at)},
          {"expires_at", time_json(token.expires_at)}};
}

Result<int64_t> time_of(const Request& request, const char* name) {
  const std::string text = asked_of(request, name);
  if (text.empty()) return int64_t{0};
  if (const auto time = parse_utc(text)) return *time;
  return wrong_parameter(request, name, text.substr(0, 64) + " is no time",
                         "write 2026-11-30, or 2026-11-30T22:38:32Z");
}

Result<uint64_t> number_of(const Request& request, const char* name, uint64_t otherwise) {
  const std::string text = asked_of(request, name);
  if (text.empty()) return otherwise;
  uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault == std::errc() && end == text.data() + text.size() && number > 0) return number;
  return wrong_parameter(request, name, text.substr(0, 64) + " is no number of it",
                         "give a whole number, or leave it out");
}

// A kind in any spelling; what is no kind of the model (a Token) as it is.
std::string kind_asked(const std::string& word) {
  const auto kind = model::kind_from(word);
  return kind ? std::string(kind->kind) : word == "token" ? "Token" : word;
}

Json row_json(const store::AuditRow& row) {
  return {{"sequence", row.sequence},
          {"at", utc_text(row.at)},
          {"who", row.who},
          {"from", row.from},
          {"action", row.action},
          {"kind", row.key.kind},
          {"name", row.key.name},
          {"revision", row.revision},
          {"fields", Json::parse(row.detail, nullptr, false)}};
}

}  // namespace

Answer Rest::whoami(const Request& request, const PathValues&) const {
  const controller::Principal& who = request.principal;
  return json_answer(
      {{"name", who.name}, {"from", who.from}, {"role", word_of(controller::kRoles, who.role)}});
}

Answer Rest::tokens(const Request&, const PathValues&) const {
  Json rows = Json::array();
  for (const Token& token : sources_.controller.tokens().list()) rows.push_back(token_json(token));
  return json_answer({{"tokens", rows}});
}

Answer Rest::create_token(const Request& request, const PathValues&) const {
  const auto role = value_of(controller::kRoles, asked_of(request, "role"));
  if (!role)
    return refusal(wrong_parameter(request, "role", "is none", "use viewer, operator or admin"));
  const auto expires_at = time_of(request, "expires_at");
  if (!expires_at) return refusal(expires_at.error());
  Token token;
  token.name = asked_of(request, "name");
  token.role = *role;
  token.expires_at = *expires_at;
  const auto secret = sources_.controller.tokens().create(token, request.principal,
                                                          std::chrono::system_clock::now());
  if (!secret) return refusal(secret.error());
  for (const Token& made : sources_.controller.tokens().list()) {
    if (made.name == token.name) token = made;
  }
  Json answer = token_json(token);
  answer["token"] = *secret;
  return json_answer(answer);
}

Answer Rest::revoke_token(const Request& request, const PathValues& values) const {
  const auto done = sources_.controller.tokens().revoke(values[0], request.principal,
                                                        std::chrono::system_clock::now());
  if (!done) return refusal(done.error());
  return json_answer({{"name", values[0]}, {"is_revoked", true}});
}

// A search for rare rows looks at many, a page of the store at a time, so that changes come
// between.
Answer Rest::audit(const Request& request, const PathValues&) const {
  const auto since = time_of(request, "since");
  if (!since) return refusal(since.error());
  const auto limit = number_of(request, "limit", kRows);
  if (!limit) return refusal(limit.error());
  const auto before = number_of(request, "continue", 0);
  if (!before) return refusal(before.error());
  store::AuditQuery query{asked_of(request, "who"),
                          asked_of(request, "action"),
                          kind_asked(asked_of(request, "kind")),
                          asked_of(request, "name"),
                          *since,
                          *before,
                          std::min<size_t>(*limit, kMostRows)};
  Json rows = Json::array();
  do {
    const auto page = sources_.controller.audit(query);
    if (!page) return refusal(page.error());
    for (const store::AuditRow& row : page->rows) rows.push_back(row_json(row));
    query.limit -= page->rows.size();
    query.before_sequence = page->before_sequence;
  } while (query.limit > 0 && query.before_sequence != 0);
  Json answer = {{"rows", rows}};
  if (query.before_sequence != 0) answer["continue"] = std::to_string(query.before_sequence);
  return json_answer(answer);
}

}  // namespace farspan::api
