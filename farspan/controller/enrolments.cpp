// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/enrolments.h"

#include <filesystem>
#include <sstream>

#include "farspan/controller/private_file.h"
#include "farspan/controller/secrets.h"

namespace farspan::controller {
namespace {

struct Ticket {
  std::string identity;
  int64_t ends_at = 0;  // seconds since 1970
};

int64_t seconds(Enrolments::Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

Ticket parse(const std::string& text) {
  Ticket ticket;
  std::istringstream(text) >> ticket.identity >> ticket.ends_at;
  return ticket;
}

// Before identities could change, tickets held the bare name of the node: they are good for as long
// as its identity is of that kind (model/node.h).
bool is_for(const Ticket& ticket, const std::string& identity) {
  return ticket.identity == identity || ticket.identity + ".node.farspan" == identity;
}

Error denied() {
  return {ErrorCode::kDenied, "EnrolRequest", "token",
          "is unknown, was used, has expired, is another node's or was revoked",
          "make a new bundle on the controller: farspan enrol NODE"};
}

}  // namespace

Result<Enrolments> Enrolments::open(const std::string& state_directory) {
  std::string directory = state_directory + "/enrolments";
  if (const auto made = make_private_directory(directory); !made) return made.error();
  return Enrolments(std::move(directory));
}

Result<std::string> Enrolments::issue(const std::string& identity, Time now) {
  if (const auto dropped = drop_stale(identity, now); !dropped) return dropped.error();
  const std::string token = make_token();
  const std::string text = identity + " " + std::to_string(seconds(now + kLifetime)) + "\n";
  if (const auto written = write_private_file(directory_ + "/" + sha256_hex(token), text); !written)
    return written.error();
  return token;
}

// The hash of whatever was sent names the file, so hostile text never becomes a path.
Status Enrolments::use(const std::string& token, const std::string& identity, Time now) {
  const std::string path = directory_ + "/" + sha256_hex(token);
  const auto text = read_file(path);
  if (!text) return text.error();
  if (!text->has_value()) return denied();
  const Ticket ticket = parse(**text);
  if (!is_for(ticket, identity) || ticket.ends_at <= seconds(now)) return denied();
  const auto removed = remove_file(path);
  if (!removed && removed.error().code == ErrorCode::kNotFound) return denied();
  return removed;
}

Status Enrolments::drop_stale(const std::string& identity, Time now) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    const auto text = read_file(entry.path().string());
    if (!text || !text->has_value()) continue;
    const Ticket ticket = parse(**text);
    if (is_for(ticket, identity) || ticket.ends_at <= seconds(now))
      std::filesystem::remove(entry.path(), error);
  }
  if (error)
    return Error{ErrorCode::kUnavailable, "file " + directory_, "", error.message(),
                 "let the controller's user read and write its state directory"};
  return ok();
}

}  // namespace farspan::controller
