// SPDX-License-Identifier: Apache-2.0
// tunnel-probe: a TunnelSet on standard input and output, for the lab tests.
//
//   want ID key=value…   a row; keys: kind local remote local_id remote_id psk peer version
//                        aggressive ike esp local_ts remote_ts start dpd ike_lifetime
//                        esp_lifetime
//   drop ID · credentials NODE CERT KEY CA (files) · apply · restart ID ·
//   rekey ID ike|child · status · quit
//
// Every command is answered by lines and then "end". Between commands the set is polled as the
// agent does.
#include <poll.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "farspan/agent/tunnels/tunnel_set.h"

namespace {

using namespace farspan;
using nodestate::Tunnel;
using nodestate::TunnelId;

std::map<std::string, std::string> read_fields(std::istream& in) {
  std::map<std::string, std::string> fields;
  for (std::string word; in >> word;) {
    const size_t at = word.find('=');
    if (at != std::string::npos) fields[word.substr(0, at)] = word.substr(at + 1);
  }
  return fields;
}

std::vector<net::Prefix> read_prefixes(const std::string& text) {
  std::vector<net::Prefix> prefixes;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    if (auto prefix = net::Prefix::parse(part)) prefixes.push_back(*prefix);
  }
  return prefixes;
}

uint32_t number(std::map<std::string, std::string>& fields, const std::string& key,
                uint32_t otherwise) {
  return fields.contains(key) ? static_cast<uint32_t>(std::stoul(fields[key])) : otherwise;
}

Tunnel read_tunnel(std::istream& in) {
  auto fields = read_fields(in);
  Tunnel tunnel;
  nodestate::Ike& ike = tunnel.ike;
  ike.version = static_cast<uint8_t>(number(fields, "version", 2));
  ike.is_aggressive = number(fields, "aggressive", 0) != 0;
  ike.local = net::Address::parse(fields["local"]).value_or(net::Address{});
  ike.remote = net::Address::parse(fields["remote"]).value_or(net::Address{});
  ike.local_id = fields["local_id"];
  ike.remote_id = fields["remote_id"];
  ike.ike_proposal = fields["ike"];
  ike.esp_proposal = fields["esp"];
  ike.ike_lifetime_seconds = number(fields, "ike_lifetime", 86400);
  ike.esp_lifetime_seconds = number(fields, "esp_lifetime", 86400);
  ike.local_subnets = read_prefixes(fields["local_ts"]);
  ike.remote_subnets = read_prefixes(fields["remote_ts"]);
  ike.has_dpd = number(fields, "dpd", 1) != 0;
  ike.is_start_now = number(fields, "start", 1) != 0;
  if (fields["kind"] == "link") {
    tunnel.use = nodestate::LinkTunnel{fields["peer"]};
  } else {
    tunnel.use = nodestate::OfficeTunnel{fields["connection"], nodestate::VrfId{1}, fields["psk"]};
  }
  return tunnel;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void print(const tunnels::TunnelStatus& status) {
  std::cout << "tunnel " << status.tunnel.value() << "\t" << status.ike_state() << "\t"
            << status.child_state() << "\t" << status.local << "\t" << status.remote << "\t"
            << status.ike_algorithms << "\t" << status.esp_algorithms << "\t"
            << status.is_nat_detected << "\t" << status.ike_id << "\t"
            << (status.problem ? status.problem->cause : "") << "\t"
            << (status.problem ? status.problem->words : "") << "\t"
            << (status.problem ? status.problem->remedy : "") << "\n";
  for (const auto& child : status.children) {
    std::cout << "child " << child.unique_id << "\t" << child.state << "\t" << child.bytes_in
              << "\t" << child.bytes_out << "\n";
  }
}

class Probe {
 public:
  explicit Probe(std::string path) : set_(std::move(path)) {}

  bool run(const std::string& line) {
    std::istringstream in(line);
    std::string command;
    uint32_t id = 0;
    in >> command;
    if (command == "quit") return false;
    if (command == "want" && in >> id) wanted_[TunnelId{id}] = read_tunnel(in);
    if (command == "drop" && in >> id) wanted_.erase(TunnelId{id});
    if (command == "apply") report(set_.reconcile(wanted_));
    if (command == "restart" && in >> id) report(set_.restart(TunnelId{id}));
    if (command == "rekey" && in >> id) {
      std::string what;
      in >> what;
      report(set_.rekey(TunnelId{id}, what == "ike" ? tunnels::TunnelSet::Rekey::kIke
                                                    : tunnels::TunnelSet::Rekey::kChild));
    }
    if (command == "credentials") {
      std::string node, certificate, key, ca;
      in >> node >> certificate >> key >> ca;
      set_.set_credentials({node, read_file(certificate), read_file(key), read_file(ca)});
    }
    if (command == "status") {
      for (const auto& status : set_.status()) print(status);
    }
    std::cout << "end" << std::endl;
    return true;
  }
  tunnels::TunnelSet& set() { return set_; }

 private:
  static void report(const Status& status) {
    if (!status.ok()) std::cout << "error " << status.error().text() << "\n";
  }
  static void report(const std::vector<tunnels::TunnelFailure>& failures) {
    for (const auto& failure : failures)
      std::cout << "error " << failure.tunnel.value() << " " << failure.error.text() << "\n";
  }

  tunnels::TunnelSet set_;
  farspan::nodestate::Tunnels wanted_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tunnel-probe VICI-SOCKET\n";
    return 2;
  }
  Probe probe(argv[1]);
  std::string input;
  while (true) {
    pollfd fds[] = {{0, POLLIN, 0}, {probe.set().fd(), POLLIN, 0}};
    ::poll(fds, 2, 200);
    probe.set().poll();
    if (!fds[0].revents) continue;
    char bytes[4096];
    const ssize_t got = ::read(0, bytes, sizeof(bytes));
    if (got <= 0) return 0;
    input.append(bytes, static_cast<size_t>(got));
    for (size_t end; (end = input.find('\n')) != std::string::npos; input.erase(0, end + 1)) {
      if (!probe.run(input.substr(0, end))) return 0;
    }
  }
}
