// SPDX-License-Identifier: Apache-2.0
#include "farspan/cli/context.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "farspan/base/text.h"
#include "farspan/cli/contexts.h"
#include "farspan/cli/private_file.h"
#include "farspan/cli/table.h"
#include "farspan/documents/source_files.h"
#include "farspan/documents/yaml_text.h"

namespace farspan::cli {
namespace {

ExitCode exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
      return kExitNotFound;
    case ErrorCode::kUnavailable:
      return kExitUnavailable;
    case ErrorCode::kInvalid:
    case ErrorCode::kConflict:
    case ErrorCode::kDenied:
    case ErrorCode::kInternal:
      return kExitRefused;
  }
  return kExitRefused;
}

}  // namespace

void fail(const Errors& errors) {
  for (const auto& error : errors)
    std::cerr << painted("error: ", Colour::kRed, Stream::kErrors) << visible(error.text()) << "\n";
  throw Exit{exit_code_of(errors.front().code)};
}

void fail(const Error& error) { fail(Errors{error}); }

RestClient Context::client() const {
  auto address = find_controller(controller);
  if (!address) fail(address.error());
  return RestClient(*std::move(address));
}

nlohmann::json Context::get(const std::string& target) const {
  auto json = client().get(target);
  if (!json) fail(json.error());
  return std::move(*json);
}

nlohmann::json Context::send(const std::string& method, const std::string& target,
                             const std::string& body) const {
  auto answer = client().request(method, target, body);
  if (!answer) fail(answer.error());
  if (!answer->ok()) fail(answer->errors());
  return nlohmann::json::parse(answer->body, nullptr, false);
}

void Context::print(const nlohmann::json& json) const {
  if (output == "yaml") {
    std::cout << to_yaml(json);
  } else {
    std::cout << json.dump(2) << "\n";
  }
}

void add_secret_file_option(CLI::App* command, std::string& file) {
  command
      ->add_option("-f,--file", file,
                   "write it there, readable by you alone, instead of printing it")
      ->type_name("FILE");
}

void write_secret(const std::string& file, const std::string& text) {
  if (file.empty()) {
    std::cout << text;
    return;
  }
  if (auto done = write_private(file, text); !done) fail(done.error());
}

std::string to_yaml(const nlohmann::json& json) {
  return documents::yaml_text(nlohmann::ordered_json(json));
}

std::string duration_text(uint64_t seconds) {
  const uint64_t days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
  if (days > 0) return std::to_string(days) + " d " + std::to_string(hours) + " h";
  if (hours > 0) return std::to_string(hours) + " h " + std::to_string(minutes) + " min";
  if (minutes > 0) return std::to_string(minutes) + " min " + std::to_string(seconds % 60) + " s";
  return std::to_string(seconds) + " s";
}

std::string bytes_text(uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes);
  const char* unit = "";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB", "PiB"}) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, unit);
  return text;
}

namespace {

constexpr size_t kMaxBody = 16 << 20;  // docs/api.md

// Blank lines, comments and document marks only.
bool says_nothing(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos || line[first] == '#') continue;
    const size_t last = line.find_last_not_of(" \t\r");
    const std::string words = line.substr(first, last - first + 1);
    if (words != "---" && words != "...") return false;
  }
  return true;
}

}  // namespace

std::string read_text(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& from = path == "-" ? std::cin : file;
  std::string text;
  for (char chunk[65536]; from.read(chunk, sizeof chunk) || from.gcount() > 0;) {
    text.append(chunk, static_cast<size_t>(from.gcount()));
    if (text.size() > kMaxBody)
      fail({ErrorCode::kInvalid, path, "",
            "has more than 16 MiB, which is the most the controller takes at once", "split it"});
  }
  if (!from.eof() || from.bad())
    fail({ErrorCode::kNotFound, "", "", "cannot read " + path, "does the file exist?"});
  return text;
}

namespace {

[[noreturn]] void refuse_nothing(const std::string& path) {
  fail({ErrorCode::kInvalid, path, "", "there is nothing in it",
        "write resources into it (kind, name, spec), or name another file"});
}

std::vector<std::string> files_in(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string extension = entry.path().extension().string();
    if (entry.path().stem() == "lab") continue;  // farspan/lab/topology.h
    if (extension == ".yaml" || extension == ".yml" || extension == ".json")
      files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::string read_documents(const std::vector<std::string>& paths) {
  std::vector<documents::NamedText> files;
  for (const auto& path : paths) {
    std::error_code ignored;
    const bool is_directory = std::filesystem::is_directory(path, ignored);
    const auto found = is_directory ? files_in(path) : std::vector<std::string>{path};
    if (found.empty())
      fail({ErrorCode::kNotFound, "", "", path + " has no .yaml or .json file",
            "name a file of resources"});
    for (const auto& file : found) {
      std::string text = read_text(file);
      if (!is_utf8(text)) fail({ErrorCode::kInvalid, "", file, "is not UTF-8", "save it as UTF-8"});
      const bool is_empty = says_nothing(text);
      if (is_empty && !is_directory) refuse_nothing(path);  // in a directory it is passed over
      if (!is_empty) files.push_back({file == "-" ? "standard input" : file, std::move(text)});
    }
  }
  if (files.empty()) refuse_nothing(paths.front());
  std::string body = documents::body_of(files);
  if (body.size() > kMaxBody)
    fail({ErrorCode::kInvalid, paths.front(), "",
          "is, with all that is to be read, more than the 16 MiB that the controller takes at once",
          "apply fewer files at a time"});
  return body;
}

}  // namespace farspan::cli
