// SPDX-License-Identifier: Apache-2.0
// login, context, ca: which controller the commands mean, and why it is trusted.
#include <termios.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "farspan/cli/context.h"
#include "farspan/cli/contexts.h"
#include "farspan/cli/rest/authority.h"
#include "farspan/cli/table.h"

namespace farspan::cli {
namespace {

struct Login {
  std::string url, name, ca_file, fingerprint, token_file;
};

std::string without_line_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

std::string read_file(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& from = path == "-" ? std::cin : file;
  std::string text{std::istreambuf_iterator<char>(from), {}};
  if (text.empty())
    fail(
        {ErrorCode::kNotFound, "", "", "nothing can be read from " + path, "does the file exist?"});
  return text;
}

// What is typed is not shown.
std::string ask_secret(const std::string& prompt) {
  termios shown{};
  if (::tcgetattr(STDIN_FILENO, &shown) != 0) return "";
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  std::cerr << prompt << std::flush;
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  std::string line;
  std::getline(std::cin, line);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
  std::cerr << "\n";
  return line;
}

bool is_on_terminal() { return ::isatty(STDIN_FILENO) == 1; }

// The authority to trust from now on. Who types the fingerprint, or compares it, is the trust; what
// the other end presents is only where the certificate comes from.
std::string trusted_authority(const Login& login, const ControllerAddress& address) {
  if (!login.ca_file.empty()) return read_file(login.ca_file);
  const auto chain = presented_chain(address);
  if (!chain) fail(chain.error());
  const std::string presented = fingerprint_of(chain->back());
  if (!login.fingerprint.empty()) {
    const std::string wanted = canonical_fingerprint(login.fingerprint);
    for (const auto& pem : *chain) {
      if (fingerprint_of(pem) == wanted) return pem;
    }
    fail({ErrorCode::kDenied, "", "ca_fingerprint",
          wanted + " is not of any certificate that " + address.text() +
              " presents (its authority has " + presented + ")",
          "compare with `farspan ca` on the controller; if they differ, somebody is in between"});
  }
  if (!is_on_terminal()) {
    fail({ErrorCode::kInvalid, "", "", "nothing says which authority " + address.text() + " has",
          "name it with --ca-fingerprint (`farspan ca` on the controller shows it) or --ca FILE"});
  }
  std::cerr << "The authority of " << address.text() << " has the SHA-256 fingerprint\n  "
            << presented << "\nDoes `farspan ca` on the controller show the same? [y/N] "
            << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer != "y" && answer != "yes") throw Exit{kExitRefused};
  return chain->back();
}

std::string token_of(const Login& login) {
  std::string token = !login.token_file.empty() ? without_line_end(read_file(login.token_file))
                      : is_on_terminal()        ? ask_secret("Token: ")
                                                : "";
  if (token.empty()) {
    fail({ErrorCode::kInvalid, "", "", "no token was given",
          "name a file that has it with --token-file, - for standard input"});
  }
  return token;
}

Contexts load() {
  auto contexts = Contexts::load();
  if (!contexts) fail(contexts.error());
  return *std::move(contexts);
}

void save(const Contexts& contexts) {
  if (auto done = contexts.save(); !done) fail(done.error());
}

void log_in(const Login& login) {
  auto address = parse_url(login.url);
  if (!address) fail(address.error());
  const std::string name = login.name.empty() ? address->host : login.name;
  if (name == "local" || name.find('/') != std::string::npos) {
    fail({ErrorCode::kInvalid, "", "name", "\"" + name + "\" cannot name a context",
          "choose one without \"/\" that is not \"local\", with --name"});
  }
  Contexts contexts = load();
  address->ca_pem = trusted_authority(login, *address);
  address->token = token_of(login);
  const auto version = RestClient(*address).get("/v1/version");
  if (!version) fail(version.error());
  contexts.by_name.insert_or_assign(name, *address);
  contexts.current = name;
  save(contexts);
  std::cout << "Logged in to " << address->text() << " (controller "
            << version->value("version", "") << ") as context " << name
            << ", which commands use from now on.\n";
}

void list_contexts(const Context& context) {
  const Contexts contexts = load();
  if (!context.is_table()) {
    nlohmann::json rows = nlohmann::json::array();
    for (const auto& [name, address] : contexts.by_name)
      rows.push_back(
          {{"name", name}, {"url", address.text()}, {"is_current", name == contexts.current}});
    return context.print({{"contexts", rows}});
  }
  Table table({"CURRENT", "NAME", "CONTROLLER"});
  table.add({contexts.current.empty() ? "*" : "", "local", "of this machine"});
  for (const auto& [name, address] : contexts.by_name)
    table.add({name == contexts.current ? "*" : "", name, address.text()});
  table.print(std::cout);
}

void use_context(const std::string& name) {
  Contexts contexts = load();
  if (name != "local" && !contexts.by_name.contains(name)) {
    fail({ErrorCode::kNotFound, "", "", "there is no context " + name,
          "`farspan context list` shows them, `farspan login` makes one"});
  }
  contexts.current = name == "local" ? "" : name;
  save(contexts);
}

void remove_context(const std::string& name) {
  Contexts contexts = load();
  if (contexts.by_name.erase(name) == 0)
    fail({ErrorCode::kNotFound, "", "", "there is no context " + name,
          "`farspan context list` shows them"});
  if (contexts.current == name) contexts.current.clear();
  save(contexts);
}

void show_authority(const Context& context) {
  const auto answer = context.get("/v1/ca");
  const std::string pem = answer.value("ca_certificate", "");
  if (!context.is_table())
    return context.print({{"ca_certificate", pem}, {"ca_fingerprint", fingerprint_of(pem)}});
  std::cout << fingerprint_of(pem) << "\n";
}

}  // namespace

void add_login_commands(CLI::App& app, Context& context) {
  auto login = std::make_shared<Login>();
  auto* log =
      app.add_subcommand("login", "Use a controller on another machine, over HTTPS with a token");
  log->add_option("url", login->url, "such as https://controller.example.net:8443")
      ->required()
      ->type_name("URL");
  log->add_option("--name", login->name, "of the context; the host's name unless given")
      ->type_name("NAME");
  log->add_option("--ca-fingerprint", login->fingerprint,
                  "what `farspan ca` shows on the controller")
      ->type_name("HEX");
  log->add_option("--ca", login->ca_file, "the controller's ca.crt instead")
      ->type_name("FILE")
      ->excludes("--ca-fingerprint");
  log->add_option("--token-file", login->token_file,
                  "file that has the token, - for standard input; asked for unless given")
      ->type_name("FILE");
  log->footer(
      "Example:\n  farspan login https://controller.example.net:8443 --ca-fingerprint 3fa1… "
      "--token-file token");
  log->callback([login] { log_in(*login); });

  auto* contexts =
      app.add_subcommand("context", "The controllers that were logged in to: list, use, remove");
  contexts->require_subcommand(1);
  contexts->footer("Examples:\n  farspan context list\n  farspan context use local");
  auto* list = contexts->add_subcommand("list", "Which there are, and which one commands use");
  list->footer("Example:\n  farspan context list");
  list->callback([&context] { list_contexts(context); });
  auto name = std::make_shared<std::string>();
  auto* use = contexts->add_subcommand(
      "use", "Let commands use one; local: the controller of this machine");
  use->add_option("name", *name, "")->required()->type_name("NAME");
  use->footer("Example:\n  farspan context use controller.example.net");
  use->callback([name] { use_context(*name); });
  auto* remove = contexts->add_subcommand("remove", "Forget one, and its token");
  remove->add_option("name", *name, "")->required()->type_name("NAME");
  remove->footer("Example:\n  farspan context remove controller.example.net");
  remove->callback([name] { remove_context(*name); });

  auto* authority = app.add_subcommand(
      "ca",
      "Fingerprint of the controller's certificate authority (-o json: with the certificate)");
  authority->footer("Example:\n  farspan ca");
  authority->callback([&context] { show_authority(context); });
}

}  // namespace farspan::cli
