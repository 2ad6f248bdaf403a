// SPDX-License-Identifier: Apache-2.0
#include "farspan/lab/topology.h"

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <set>

namespace farspan::lab {
namespace {

namespace fs = std::filesystem;

Error fault(const std::string& file, const std::string& field, const std::string& what,
            const std::string& remedy) {
  return {ErrorCode::kInvalid, file, field, what, remedy};
}

// One lab file being read; the first fault is kept and ends the reading.
class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  const std::optional<Error>& error() const { return error_; }

  void refuse(const std::string& field, const std::string& what, const std::string& remedy) {
    if (!error_) error_ = fault(file_, field, what, remedy);
  }

  std::string text(const YAML::Node& map, const std::string& key, const std::string& at) {
    const YAML::Node value = map[key];
    if (!value || !value.IsScalar() || value.Scalar().empty()) {
      refuse(at + key, "is missing", "write `" + key + ": …`");
      return "";
    }
    return value.Scalar();
  }

  net::Address address(const YAML::Node& map, const std::string& key, const std::string& at) {
    const std::string value = text(map, key, at);
    const auto parsed = net::Address::parse(value);
    if (!parsed || !parsed->is_v4())
      refuse(at + key, "\"" + value + "\" is not an IPv4 address", "write it like 198.51.100.11");
    return parsed.value_or(net::Address{});
  }

  net::Prefix prefix(const YAML::Node& map, const std::string& key, const std::string& at) {
    const std::string value = text(map, key, at);
    const auto parsed = net::Prefix::parse(value);
    if (!parsed || parsed->family() != net::Family::kIpv4 || parsed->length() > 29) {
      refuse(at + key, "\"" + value + "\" is not an IPv4 prefix of at most 29 bits",
             "write it like 10.10.10.0/24");
    }
    return parsed.value_or(net::Prefix{});
  }

  void only(const YAML::Node& map, const std::set<std::string>& known, const std::string& at) {
    if (!map.IsMap()) return refuse(at, "is not a map", "see farspan/lab/README.md");
    std::string list;
    for (const auto& key : known) list += (list.empty() ? "" : ", ") + key;
    for (const auto& entry : map) {
      if (known.count(entry.first.Scalar()) == 0) {
        refuse(at + entry.first.Scalar(), "is not a field of a lab", "the fields are " + list);
      }
    }
  }

 private:
  std::string file_;
  std::optional<Error> error_;
};

OfficeSite read_office(Reader& reader, const YAML::Node& map, const std::string& at) {
  reader.only(map, {"name", "connection", "public_address", "lan", "host", "nat"}, at);
  OfficeSite office;
  if (reader.error()) return office;
  office.name = reader.text(map, "name", at);
  office.connection = reader.text(map, "connection", at);
  office.public_address = reader.address(map, "public_address", at);
  office.lan = reader.prefix(map, "lan", at);
  office.host = reader.address(map, "host", at);
  if (map["nat"]) office.nat = reader.address(map, "nat", at);
  if (!reader.error() && !office.lan.contains(office.host)) {
    reader.refuse(at + "host",
                  office.host.text() + " is not in the office's lan " + office.lan.text(),
                  "choose an address inside it");
  }
  return office;
}

// The documents of kind `kind` in a resource file, as far as the lab needs them.
void each_document(Reader& reader, const std::string& file, const std::string& kind,
                   const auto& use) {
  for (const YAML::Node& document : YAML::LoadAllFromFile(file)) {
    if (!document.IsMap() || !document["kind"] || document["kind"].Scalar() != kind) continue;
    Reader of_file(file);
    const YAML::Node spec = document["spec"];
    use(of_file, of_file.text(document, "name", kind + " "),
        spec ? spec : YAML::Node(YAML::NodeType::Map));
    if (of_file.error())
      reader.refuse(of_file.error()->field, of_file.error()->what + " in " + file,
                    of_file.error()->remedy);
  }
}

void read_sites(Reader& reader, Topology& topology) {
  each_document(reader, topology.platform, "Node",
                [&](Reader& file, const std::string& name, const YAML::Node& spec) {
                  topology.nodes.push_back(
                      {name, file.address(spec, "public_address", "Node " + name + " ")});
                });
  for (const auto& path : topology.network) {
    each_document(reader, path, "Instance",
                  [&](Reader& file, const std::string& name, const YAML::Node& spec) {
                    const std::string at = "Instance " + name + " ";
                    topology.instances.push_back(
                        {name, file.text(spec, "netns", at), file.address(spec, "address", at)});
                  });
  }
}

// Every name becomes a host of the lab and every public address one site: neither may be used
// twice.
void check_unique(Reader& reader, const Topology& topology) {
  std::set<std::string> names = {"internet", "controller"};
  std::set<net::Address> addresses = {topology.controller};
  const auto use_name = [&](const std::string& name) {
    if (!names.insert(name).second)
      reader.refuse("name", "\"" + name + "\" is used twice in this lab",
                    "give each place a name of its own");
  };
  const auto use_address = [&](const net::Address& address) {
    if (!addresses.insert(address).second)
      reader.refuse("public_address", address.text() + " is used twice in this lab",
                    "give each place an address of its own");
  };
  for (const auto& node : topology.nodes) use_name(node.name), use_address(node.public_address);
  for (const auto& instance : topology.instances) use_name(instance.netns);
  for (const auto& office : topology.offices) {
    use_name(office.name), use_name(office.name + "-router");
    use_address(office.public_address);
    if (office.nat) use_name(office.name + "-nat"), use_address(*office.nat);
  }
}

}  // namespace

Result<Topology> read_topology(const std::string& path) {
  std::error_code ignored;
  const fs::path file =
      fs::is_directory(path, ignored) ? fs::path(path) / "lab.yaml" : fs::path(path);
  if (!fs::exists(file, ignored)) {
    return Error{ErrorCode::kNotFound, "", "", "there is no lab at " + file.string(),
                 "name a lab.yaml or a directory that has one, such as examples/global-offices"};
  }
  Reader reader(file.string());
  Topology topology;
  try {
    const YAML::Node root = YAML::LoadFile(file.string());
    reader.only(root, {"name", "platform", "network", "controller", "offices"}, "");
    if (reader.error()) return *reader.error();
    const auto beside = [&](const std::string& name) {
      return (file.parent_path() / name).string();
    };
    topology.name = reader.text(root, "name", "");
    topology.platform = beside(reader.text(root, "platform", ""));
    for (const auto& entry : root["network"]) topology.network.push_back(beside(entry.Scalar()));
    topology.controller = root["controller"] ? reader.address(root, "controller", "")
                                             : *net::Address::parse("192.0.2.1");
    size_t index = 0;
    for (const auto& entry : root["offices"]) {
      topology.offices.push_back(
          read_office(reader, entry, "offices[" + std::to_string(index++) + "]."));
    }
    if (!reader.error()) read_sites(reader, topology);
  } catch (const YAML::Exception& failure) {
    return fault(file.string(), "", failure.what(), "correct the YAML");
  }
  check_unique(reader, topology);
  if (reader.error()) return *reader.error();
  return topology;
}

}  // namespace farspan::lab
