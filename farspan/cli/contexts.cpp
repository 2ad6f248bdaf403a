// SPDX-License-Identifier: Apache-2.0
#include "farspan/cli/contexts.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "farspan/cli/private_file.h"

namespace farspan::cli {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<ControllerAddress> known(const Contexts& contexts, const std::string& said) {
  const bool is_url = said.starts_with("https://");
  if (is_url) {
    const auto wanted = parse_url(said);
    if (!wanted) return wanted.error();
    for (const auto& [name, address] : contexts.by_name) {
      if (address.text() == wanted->text()) return address;
    }
    return Error{ErrorCode::kNotFound, "", "", "nobody logged in to " + wanted->text() + " here",
                 "farspan login " + wanted->text()};
  }
  if (const auto found = contexts.by_name.find(said); found != contexts.by_name.end())
    return found->second;
  return ControllerAddress::local(said);
}

Result<ControllerAddress> on_this_machine() {
  std::error_code ignored;
  const std::string installed = "/run/farspan-controller/api.sock";
  if (fs::exists(installed, ignored)) return ControllerAddress::local(installed);
  std::vector<std::string> labs;
  for (const auto& lab : fs::directory_iterator("/run/farspan-lab", ignored)) {
    const std::string socket = (lab.path() / "controller" / "api.sock").string();
    if (fs::exists(socket, ignored)) labs.push_back(socket);
  }
  if (labs.size() == 1) return ControllerAddress::local(labs.front());
  if (labs.empty()) {
    return Error{ErrorCode::kUnavailable, "", "",
                 "no controller is running here: no " + installed + " and no lab",
                 "start one with `farspan lab up examples/global-offices`, log in to one with "
                 "`farspan login https://…`, or name a socket with --controller"};
  }
  return Error{ErrorCode::kConflict, "", "", std::to_string(labs.size()) + " labs are up",
               "name one with --controller " + labs.front()};
}

}  // namespace

std::string Contexts::path() {
  std::string directory = environment("XDG_CONFIG_HOME");
  if (directory.empty() && !environment("HOME").empty())
    directory = environment("HOME") + "/.config";
  return directory.empty() ? "" : directory + "/farspan/contexts.json";
}

Result<Contexts> Contexts::load() {
  const std::string file = path();
  struct stat status {};
  if (file.empty() || ::stat(file.c_str(), &status) != 0) return Contexts{};
  if ((status.st_mode & 077) != 0) {
    return Error{ErrorCode::kInvalid, "", "", file + " has tokens, and others may read it",
                 "chmod 600 " + file};
  }
  std::ifstream in(file);
  const auto json = nlohmann::json::parse(in, nullptr, false);
  const auto rows = json.is_object() ? json.find("contexts") : json.end();
  if (!json.is_object() || rows == json.end() || !rows->is_object()) {
    return Error{ErrorCode::kInvalid, "", "", file + " is not a file of contexts",
                 "move it away and log in again"};
  }
  Contexts contexts;
  contexts.current = json.value("current", "");
  for (const auto& [name, row] : rows->items()) {
    auto address = parse_url(row.value("url", ""));
    if (!address) return address.error();
    address->ca_pem = row.value("ca_pem", "");
    address->token = row.value("token", "");
    contexts.by_name.emplace(name, std::move(*address));
  }
  return contexts;
}

Status Contexts::save() const {
  const std::string file = path();
  if (file.empty()) {
    return Error{ErrorCode::kUnavailable, "", "", "neither HOME nor XDG_CONFIG_HOME is set",
                 "set one of them: contexts are kept there"};
  }
  nlohmann::json rows = nlohmann::json::object();
  for (const auto& [name, address] : by_name)
    rows[name] = {{"url", address.text()}, {"ca_pem", address.ca_pem}, {"token", address.token}};
  const std::string text = nlohmann::json{{"current", current}, {"contexts", rows}}.dump(2) + "\n";

  std::error_code ignored;
  fs::create_directories(fs::path(file).parent_path(),
                         ignored);  // write_private() says what is wrong
  return write_private(file, text);
}

Result<ControllerAddress> find_controller(const std::string& said) {
  const std::string wanted = said.empty() ? environment("FARSPAN_CONTROLLER") : said;
  // A path is a path: a broken file of contexts must not keep anybody from this machine's socket.
  if (wanted.find('/') != std::string::npos && !wanted.starts_with("https://"))
    return ControllerAddress::local(wanted);
  auto contexts = Contexts::load();
  if (!contexts) return contexts.error();
  if (!wanted.empty()) return known(*contexts, wanted);
  if (const auto found = contexts->by_name.find(contexts->current);
      found != contexts->by_name.end())
    return found->second;
  return on_this_machine();
}

}  // namespace farspan::cli
