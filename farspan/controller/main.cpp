// SPDX-License-Identifier: Apache-2.0
// farspan-controller: the one process that knows the whole network.
//
//   --state-dir   store.db, ca.key, ca.crt, enrolments/
//                 (0700; one controller per directory)
//   --listen      where agents connect (gRPC); --advertise is that address as agents can reach it
//   --api-socket  REST for whoever may open the socket (0600)
//   --api-listen  the same over HTTPS with a token (tokens.h)
//
// Order: state first, then the nodes' port, then the API, so that an API that answers is a
// controller that works. The log names resources, nodes and generations; never a key, a token or a
// document.
#include <grp.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "farspan/api/http_server.h"
#include "farspan/api/rest.h"
#include "farspan/base/process.h"
#include "farspan/controller/certificate.h"
#include "farspan/controller/certificate_authority.h"
#include "farspan/controller/certificate_life.h"
#include "farspan/controller/controller.h"
#include "farspan/controller/enrolments.h"
#include "farspan/controller/node_reports.h"
#include "farspan/controller/node_server.h"
#include "farspan/controller/private_file.h"
#include "farspan/store/sqlite_store.h"

namespace farspan {
namespace {

// For requests in flight at the end.
constexpr std::chrono::milliseconds kPatience{400};

struct Options {
  std::string state_dir, listen, advertise, api_socket, api_socket_group, api_listen;
};

// "controller.example.net:7443", "[2001:db8::1]:7443": the part before the port, without brackets.
std::string host_of(const std::string& host_and_port) {
  std::string host = host_and_port.substr(0, host_and_port.rfind(':'));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return host;
}

// Before tokens had names there was one, in a file of its own.
Status adopt_nameless_token(const std::string& state_dir, controller::Tokens& tokens) {
  const std::string path = state_dir + "/api-token";
  const auto found = controller::read_file(path);
  if (!found) return found.error();
  if (!found->has_value()) return ok();
  std::string secret = **found;
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  const controller::Token token{"api-token", controller::Role::kAdmin, {}, 0, 0};
  const auto done = tokens.adopt(token, secret, {"the controller", path, {}, {}},
                                 std::chrono::system_clock::now());
  if (!done && done.error().code != ErrorCode::kConflict) return done;
  spdlog::info("the token of {} is now called api-token (admin); the file is removed", path);
  return controller::remove_file(path);
}

// A store that was lost or emptied beside its CA would begin as a new network, and tell every node
// that comes to be empty.
Status check_store(const std::string& state_dir) {
  std::error_code none;
  const bool has_ca = std::filesystem::exists(state_dir + "/ca.key", none);
  const auto bytes = std::filesystem::file_size(state_dir + "/store.db", none);
  if (!has_ca || (!none && bytes > 0)) return ok();
  return Error{ErrorCode::kInvalid, "file " + state_dir + "/store.db", "",
               "is empty or not there, but the CA of its network is",
               "restore it from a backup; to begin a new network, remove ca.key and ca.crt too"};
}

// Whoever may open the API's socket may do everything: its owner, and the members of a group when
// one is named.
Status give_to_group(const std::string& socket, const std::string& group) {
  if (group.empty()) return ok();
  errno = 0;
  const ::group* found = ::getgrnam(group.c_str());
  const auto refused = [&](const std::string& why) {
    return Error{ErrorCode::kInvalid, "controller", "--api-socket-group", group + ": " + why,
                 "make the group, and let the controller's user be in it"};
  };
  if (found == nullptr)
    return refused(errno == 0 ? "there is no such group" : std::strerror(errno));
  if (::chown(socket.c_str(), static_cast<uid_t>(-1), found->gr_gid) != 0 ||
      ::chmod(socket.c_str(), 0660) != 0)
    return refused(std::strerror(errno));
  return ok();
}

// Certificates that were made under a wrong clock, or are old by now.
bool are_fit(const controller::CertificateAuthority& authority,
             const controller::ServerIdentity& identity) {
  const auto now = std::chrono::system_clock::now();
  const auto ca = controller::certificate_from_pem(authority.certificate_pem());
  const auto server = controller::certificate_from_pem(identity.certificate_pem);
  return controller::is_fit(server.get(), now) &&
         (controller::is_fit(ca.get(), now) || !controller::is_plausible(now));
}

enum class Ended { kBySignal, kForNewCertificates };

Ended wait(const sigset_t& ending, const controller::CertificateAuthority& authority,
           const controller::ServerIdentity& identity) {
  constexpr timespec kBetweenLooks{10, 0};
  while (sigtimedwait(&ending, nullptr, &kBetweenLooks) < 0)
    if (!are_fit(authority, identity)) return Ended::kForNewCertificates;
  return Ended::kBySignal;
}

Result<Ended> run(const Options& options, const sigset_t& ending) {
  if (const auto made = controller::make_private_directory(options.state_dir); !made)
    return made.error();
  if (const auto checked = check_store(options.state_dir); !checked) return checked.error();
  auto store = store::open_sqlite(options.state_dir + "/store.db");
  if (!store) return store.error();
  const auto core = controller::Controller::open(*std::move(store));
  if (!core) return core.error();
  const auto authority = controller::CertificateAuthority::open(options.state_dir);
  if (!authority) return authority.error();
  auto enrolments = controller::Enrolments::open(options.state_dir);
  if (!enrolments) return enrolments.error();
  const auto adopted = adopt_nameless_token(options.state_dir, (*core)->tokens());
  if (!adopted) return adopted.error();

  const std::vector<std::string> names = {"localhost", "127.0.0.1", host_of(options.advertise)};
  const auto identity = (*authority)->make_server_identity(names, std::chrono::system_clock::now());
  if (!identity) return identity.error();

  controller::NodeReports reports;
  const controller::NodeServices services{**core, reports, **authority, *enrolments};
  const auto nodes = controller::NodeServer::start(options.listen, *identity, services);
  if (!nodes) return nodes.error();
  api::Rest rest({**core, reports, **authority, *enrolments, options.advertise});
  const auto http = api::HttpServer::start(
      {.socket_path = options.api_socket,
       .listen = options.api_listen,
       .key_pem = identity->key_pem,
       // With the authority, so that `farspan login` can show it.
       .certificate_pem = identity->certificate_pem + (*authority)->certificate_pem()},
      rest);
  if (!http) return http.error();
  if (const auto given = give_to_group(options.api_socket, options.api_socket_group); !given)
    return given.error();
  spdlog::info("revision {}; nodes on {}, API on {}{}", (*core)->published()->revision,
               options.listen, options.api_socket,
               options.api_listen.empty() ? "" : " and https://" + options.api_listen);

  const Ended ended = wait(ending, **authority, *identity);
  if (ended != Ended::kBySignal) {
    spdlog::warn(
        "certificates are made anew: they are old, or the clock was set; nodes connect again");
    return ended;
  }
  spdlog::info("stopping");
  // What is durable is durable, as after kill -9 (store.h): nobody waits for a question that nobody
  // will read, and a change that was not answered was made whole or not at all.
  if (!(*http)->stop(kPatience)) {
    spdlog::info("requests in flight were cut off");
    spdlog::shutdown();
    std::_Exit(EXIT_SUCCESS);
  }
  return ended;
}

// Making certificates anew is starting anew: the same steps in the same order, within a second.
Status run_until_ended(const Options& options, const sigset_t& ending) {
  for (;;) {
    const auto ended = run(options, ending);
    if (!ended) return ended.error();
    if (*ended == Ended::kBySignal) return ok();
  }
}

}  // namespace
}  // namespace farspan

int main(int argc, char** argv) {
  farspan::Options options;
  CLI::App app("Farspan's controller: keeps what is declared, and tells every node what to do.");
  app.add_option("--state-dir", options.state_dir, "directory of the store and the CA")->required();
  app.add_option("--listen", options.listen, "ADDRESS:PORT for the agents")->required();
  app.add_option("--advertise", options.advertise, "HOST:PORT under which agents reach --listen")
      ->required();
  app.add_option("--api-socket", options.api_socket, "path of the API's Unix socket")->required();
  app.add_option("--api-socket-group", options.api_socket_group,
                 "whose members may use that socket, besides its owner");
  app.add_option("--api-listen", options.api_listen, "ADDRESS:PORT for the API over HTTPS");
  CLI11_PARSE(app, argc, argv);

  ::umask(077);
  farspan::raise_descriptor_limit();  // every connection takes one
  const sigset_t ending = farspan::block_ending_signals();
  signal(SIGPIPE, SIG_IGN);  // whoever closed a connection is no reason to end
  const auto done = farspan::run_until_ended(options, ending);
  if (done) return EXIT_SUCCESS;
  spdlog::error("{}", done.error().text());
  return EXIT_FAILURE;
}
