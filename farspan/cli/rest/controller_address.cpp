// SPDX-License-Identifier: Apache-2.0
#include "farspan/cli/rest/controller_address.h"

#include <algorithm>

namespace farspan::cli {
namespace {

constexpr const char* kScheme = "https://";

Error not_a_url(const std::string& url, const std::string& what) {
  return {ErrorCode::kInvalid, "", "", "\"" + url + "\" " + what,
          "write it as https://controller.example.net:8443"};
}

bool is_port(const std::string& text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         std::stoul(text) > 0 && std::stoul(text) <= 65535;
}

}  // namespace

std::string ControllerAddress::text() const {
  if (is_local()) return socket_path;
  const bool is_v6 = host.find(':') != std::string::npos;
  return kScheme + (is_v6 ? "[" + host + "]" : host) + (port == "443" ? "" : ":" + port);
}

Result<ControllerAddress> parse_url(const std::string& url) {
  if (!url.starts_with(kScheme)) return not_a_url(url, "is not an https:// URL");
  std::string authority = url.substr(std::string(kScheme).size());
  if (authority.ends_with('/')) authority.pop_back();
  if (authority.find_first_of("/?#@ ") != std::string::npos)
    return not_a_url(url, "has more than a host and a port");

  ControllerAddress address;
  std::string behind;
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string::npos) return not_a_url(url, "has a bracket that does not end");
    address.host = authority.substr(1, end - 1);
    behind = authority.substr(end + 1);
  } else {
    const size_t colon = authority.find(':');
    address.host = authority.substr(0, colon);
    behind = colon == std::string::npos ? "" : authority.substr(colon);
  }
  if (address.host.empty()) return not_a_url(url, "names no host");
  address.port = behind.empty() ? "443" : behind.substr(1);
  if ((!behind.empty() && behind[0] != ':') || !is_port(address.port))
    return not_a_url(url, "has no port between 1 and 65535");
  return address;
}

}  // namespace farspan::cli
