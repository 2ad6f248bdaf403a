// SPDX-License-Identifier: Apache-2.0
#include "farspan/lab/programs.h"

#include <poll.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "farspan/cli/rest/client.h"
#include "farspan/lab/command.h"
#include "farspan/lab/places.h"
#include "farspan/lab/strongswan_conf.h"

namespace farspan::lab {
namespace {

namespace fs = std::filesystem;

constexpr auto kStartPatience = std::chrono::seconds(15);
const std::string kAgentPort = "7443";

// Where the programs of this build or installation are: beside the running one.
fs::path binary_directory() { return fs::read_symlink("/proc/self/exe").parent_path(); }

// Beside the programs, in a build tree and in an installation alike.
std::string plugin_path() { return (binary_directory() / "libstrongswan-farspan.so").string(); }

Status write_file(const fs::path& path, const std::string& text) {
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (!file)
    return Error{ErrorCode::kUnavailable, "", "", "cannot write " + path.string(),
                 "make room on /run"};
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, ignored);
  return ok();
}

std::string replaced(std::string text, const std::string& word, const std::string& by) {
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size())) {
    text.replace(at, word.size(), by);
  }
  return text;
}

// Asks `is_there` every few milliseconds until it is.
Status await(const std::string& what, const auto& is_there) {
  const auto deadline = std::chrono::steady_clock::now() + kStartPatience;
  while (!is_there()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{ErrorCode::kUnavailable, "", "", what + " did not start",
                   "read its log: `farspan lab status` names the directory"};
    }
    ::poll(nullptr, 0, 10);
  }
  return ok();
}

// Stock strongSwan with userland ESP. The mark keeps IKE and ESP themselves out of a 0.0.0.0/0
// tunnel (strongSwan documentation, kernel-libipsec: "allow_peer_ts").
constexpr const char* kOfficeStrongswan = R"(charon-systemd {
  load = random nonce openssl aes gcm sha1 sha2 hmac kdf pem x509 pubkey gmp curve25519 kernel-libipsec kernel-netlink socket-default vici updown
  plugins {
    vici {
      socket = unix://@DIR@/charon.vici
    }
    kernel-libipsec {
      load = yes
      allow_peer_ts = yes
    }
    kernel-netlink {
      fwmark = !0x42
    }
    socket-default {
      fwmark = 0x42
    }
  }
  filelog {
    main {
      path = @DIR@/charon.log
      default = 1
      flush_line = yes
    }
  }
  journal {
    default = -1
  }
}
swanctl {
  load = random pem x509 pubkey openssl
}
)";

// Behind the node's own configuration: a lab has no journal.
constexpr const char* kCharonLog = R"(
charon-systemd {
  filelog {
    charon {
      path = @RUN_DIR@/charon.log
      time_format = %Y-%m-%dT%H:%M:%S
      default = 1
      enc = 0
      flush_line = yes
      ike_name = yes
    }
  }
  journal {
    default = -1
  }
}
)";

}  // namespace

Programs::Programs(const Topology& topology, const Supervisor& supervisor)
    : topology_(topology), supervisor_(supervisor) {}

std::string Programs::place(const std::string& host) const {
  return directory_of(topology_.name) + "/" + host;
}

std::string Programs::api_socket() const { return place("controller") + "/api.sock"; }

Status Programs::start(const std::string& name, const std::string& netns, const Argv& argv) const {
  std::string file = name;
  for (char& c : file) c = c == '/' ? '.' : c;
  return supervisor_.start(
      {name, in_namespace(netns, argv), directory_of(topology_.name) + "/log/" + file + ".log"});
}

Status Programs::start_controller() const {
  const std::string directory = place("controller");
  fs::create_directories(directory);
  const std::string address = topology_.controller.text() + ":" + kAgentPort;
  auto started = start(
      "controller", netns_of("controller"),
      {(binary_directory() / "farspan-controller").string(), "--state-dir", directory + "/state",
       "--listen", address, "--advertise", address, "--api-socket", api_socket()});
  if (!started) return started;
  const cli::RestClient client(api_socket());
  return await("the controller", [&] { return client.get("/v1/version").ok(); });
}

Status Programs::start_node(const NodeSite& node) const {
  const std::string directory = place(node.name), netns = netns_of(node.name);
  fs::create_directories(directory);
  auto answer =
      cli::RestClient(api_socket()).request("POST", "/v1/nodes/" + node.name + "/enrolment");
  if (!answer) return answer.error();
  if (!answer->ok()) return answer->errors().front();
  const std::string bundle = directory + "/enrolment.json";
  if (auto written = write_file(bundle, answer->body); !written) return written;
  if (auto written =
          write_file(directory + "/strongswan.conf",
                     replaced(std::string(kStrongswanConf) + kCharonLog, "@RUN_DIR@", directory));
      !written)
    return written;

  const std::string controller = topology_.controller.text() + ":" + kAgentPort;
  const auto binary = [](const char* name) { return (binary_directory() / name).string(); };
  if (auto done = start(node.name + "/dataplane", netns,
                        {binary("farspan-dataplane"), "--run-dir", directory});
      !done)
    return done;
  if (auto done = start(node.name + "/charon", netns,
                        {"env", "STRONGSWAN_CONF=" + directory + "/strongswan.conf",
                         "LD_PRELOAD=" + plugin_path(), "/usr/sbin/charon-systemd"});
      !done) {
    return done;
  }
  return start(node.name + "/agent", netns,
               {binary("farspan-agent"), "--node", node.name, "--run-dir", directory, "--state-dir",
                directory + "/state", "--controller", controller, "--enrol", bundle});
}

Status Programs::start_web_server(const std::string& host, const std::string& netns) const {
  const std::string root = place(host) + "/www";
  if (auto written = write_file(root + "/index.html", host + "\n"); !written) return written;
  return start(host + "/web", netns,
               {"/usr/bin/python3", "-m", "http.server", "80", "--directory", root});
}

Status Programs::start_office(const OfficeSite& office) const {
  const std::string directory = place(office.name);
  for (const char* part : {"x509", "x509ca", "x509aa", "x509ocsp", "x509crl", "x509ac", "private",
                           "rsa", "ecdsa", "pkcs8", "pkcs12", "pubkey", "bliss", "conf.d"}) {
    fs::create_directories(directory + "/swanctl/" + part);
  }
  if (auto written = write_file(directory + "/strongswan.conf",
                                replaced(kOfficeStrongswan, "@DIR@", directory));
      !written)
    return written;
  if (auto done = start(
          router_of(office.name) + "/charon", netns_of(router_of(office.name)),
          {"env", "STRONGSWAN_CONF=" + directory + "/strongswan.conf", "/usr/sbin/charon-systemd"});
      !done) {
    return done;
  }
  return start_web_server(office.name, netns_of(office.name));
}

Status Programs::start_instance(const InstanceSite& instance) const {
  return start_web_server(instance.name, instance.netns);
}

Status Programs::load_office(const OfficeSite& office, const std::string& swanctl_conf) const {
  const std::string directory = place(office.name);
  if (auto written = write_file(directory + "/swanctl/swanctl.conf", swanctl_conf); !written)
    return written;
  const std::string socket = directory + "/charon.vici";
  if (auto done = await("the strongSwan of " + office.name, [&] { return fs::exists(socket); });
      !done)
    return done;
  auto loaded = run({"env", "SWANCTL_DIR=" + directory + "/swanctl",
                     "STRONGSWAN_CONF=" + directory + "/strongswan.conf", "swanctl", "--load-all",
                     "--uri", "unix://" + socket});
  return loaded ? ok() : Status(loaded.error());
}

}  // namespace farspan::lab
