// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/tokens.h"

#include <nlohmann/json.hpp>

#include "farspan/controller/audit.h"
#include "farspan/controller/secrets.h"
#include "farspan/model/kind_names.h"

namespace farspan::controller {
namespace {

constexpr std::string_view kPrefix = "token/";
constexpr const char* kKind = "Token";  // in the audit

std::string note_of(const std::string& name) { return std::string(kPrefix) + name; }

std::string body_of(const Token& token, const std::string& digest) {
  const nlohmann::ordered_json body = {{"role", word_of(kRoles, token.role)},
                                       {"created_by", token.created_by},
                                       {"created_at", token.created_at},
                                       {"expires_at", token.expires_at},
                                       {"sha256", digest}};
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

bool has_ended(const Token& token, WallTime now) {
  return token.expires_at != 0 && token.expires_at <= milliseconds_of(now);
}

Error fault_of(const std::string& name, ErrorCode code, std::string field, std::string what,
               std::string remedy) {
  return {code, kKind + std::string(" ") + name, std::move(field), std::move(what),
          std::move(remedy)};
}

std::vector<documents::FieldChange> fields_of(const Token& token) {
  std::vector<documents::FieldChange> fields = {
      {"role", "", std::string(word_of(kRoles, token.role))}};
  if (token.expires_at != 0) fields.push_back({"expires_at", "", utc_text(token.expires_at)});
  return fields;
}

}  // namespace

bool Tokens::is_token(std::string_view note) { return note.starts_with(kPrefix); }

Result<std::unique_ptr<Tokens>> Tokens::open(store::Store& store,
                                             const std::map<std::string, std::string>& notes) {
  std::unique_ptr<Tokens> tokens(new Tokens(store));
  for (const auto& [note, body] : notes) {
    if (!is_token(note)) continue;
    const std::string name = note.substr(kPrefix.size());
    const auto json = nlohmann::json::parse(body, nullptr, false);
    const auto role = json.is_object() ? value_of(kRoles, json.value("role", "")) : std::nullopt;
    if (!role)
      return fault_of(name, ErrorCode::kInvalid, "", "its row in the store cannot be read",
                      "restore the store from a backup, or run the Farspan that wrote it");
    Token token{name, *role, json.value("created_by", ""), json.value("created_at", int64_t{0}),
                json.value("expires_at", int64_t{0})};
    const std::string digest = json.value("sha256", "");
    tokens->names_.emplace(digest, name);
    tokens->by_name_.emplace(name, Kept{std::move(token), digest});
  }
  return tokens;
}

Result<std::string> Tokens::create(const Token& wanted, const Principal& by, WallTime now) {
  const std::string secret = make_token();
  if (const auto done = adopt(wanted, secret, by, now); !done) return done.error();
  return secret;
}

Status Tokens::adopt(const Token& wanted, std::string_view secret, const Principal& by,
                     WallTime now) {
  if (!model::is_name(wanted.name))
    return fault_of("", ErrorCode::kInvalid, "name", "is not a name",
                    "use 1 to 63 of a-z, 0-9 and '-', starting with a letter");
  if (has_ended(wanted, now))
    return fault_of(wanted.name, ErrorCode::kInvalid, "expires_at", "has passed",
                    "give a time to come, or none");
  Token token = wanted;
  token.created_by = by.name;
  token.created_at = milliseconds_of(now);
  const std::string digest = sha256_hex(secret);
  const std::lock_guard lock(mutex_);
  if (by_name_.contains(token.name))
    return fault_of(
        token.name, ErrorCode::kConflict, "name", "is taken",
        "choose another, or take the standing one back first: farspan token revoke " + token.name);
  const auto done =
      store_.record({{note_of(token.name), body_of(token, digest)}},
                    {audit_row(by, now, "create", {kKind, token.name}, fields_of(token))});
  if (!done) return done;
  names_.emplace(digest, wanted.name);
  by_name_.emplace(wanted.name, Kept{std::move(token), digest});
  return ok();
}

Status Tokens::revoke(const std::string& name, const Principal& by, WallTime now) {
  {
    const std::lock_guard lock(mutex_);
    const auto kept = by_name_.find(name);
    if (kept == by_name_.end())
      return fault_of(name, ErrorCode::kNotFound, "", "does not exist",
                      "list what exists with: farspan token list");
    const auto done =
        store_.record({{note_of(name), ""}}, {audit_row(by, now, "delete", {kKind, name}, {})});
    if (!done) return done;
    names_.erase(kept->second.digest);
    by_name_.erase(kept);
  }
  listeners_.call(0);
  return ok();
}

std::vector<Token> Tokens::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<Token> tokens;
  for (const auto& [name, kept] : by_name_) tokens.push_back(kept.token);
  return tokens;
}

// Whoever tries secrets learns from the time taken at most what a hash of theirs begins with.
std::optional<Principal> Tokens::bearer_of(std::string_view secret, std::string from,
                                           WallTime now) const {
  std::string digest = sha256_hex(secret);
  const std::lock_guard lock(mutex_);
  const auto name = names_.find(digest);
  if (name == names_.end()) return std::nullopt;
  const Token& token = by_name_.find(name->second)->second.token;
  if (has_ended(token, now)) return std::nullopt;
  return Principal{"token " + token.name, std::move(from), token.role, std::move(digest)};
}

bool Tokens::still_stands(const Principal& principal, WallTime now) const {
  if (principal.token_digest.empty()) return true;
  const std::lock_guard lock(mutex_);
  const auto name = names_.find(principal.token_digest);
  return name != names_.end() && !has_ended(by_name_.find(name->second)->second.token, now);
}

std::unique_ptr<store::Subscription> Tokens::watch(std::function<void()> listener) {
  return listeners_.add([listener = std::move(listener)](uint64_t) { listener(); });
}

}  // namespace farspan::controller
