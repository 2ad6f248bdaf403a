// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/tunnels/diagnosis.h"

#include <algorithm>
#include <array>

#include "farspan/agent/tunnels/connection.h"

namespace farspan::tunnels {
namespace {

using nodestate::Tunnel;
using nodestate::TunnelId;

/// Sentences use {peer} for the other side's name and {…} for values of the row, so that a person
/// can compare.
struct Cause {
  std::string_view name;
  bool is_general;  // says that something failed, not what: does not displace a cause that does
  std::string_view words;
  std::string_view remedy;
};

constexpr std::array kCauses = {
    Cause{"psk_mismatch", false, "the pre-shared keys of both sides differ",
          "set the same pre-shared key on {peer} and in the IpsecConnection"},
    Cause{"id_mismatch", false, "the peer presents another identity ({claimed}) than {remote_id}",
          "set {peer}'s own identity to {remote_id} and the one it expects of the gateway to "
          "{local_id}, or change local_id and remote_id"},
    Cause{"authentication_failed", false, "the peer could not be authenticated",
          "compare certificates, identities and clocks of both sides"},
    Cause{"ike_proposal_mismatch", false,
          "{peer} and this gateway have no IKE (phase 1) algorithms in common; offered here: "
          "{ike_proposal}",
          "set exactly {ike_proposal} and IKE version {version} on {peer}"},
    Cause{"esp_proposal_mismatch", false,
          "{peer} and this gateway have no ESP (phase 2) algorithms in common; offered here: "
          "{esp_proposal}",
          "set exactly {esp_proposal} on {peer}, its PFS group included"},
    Cause{"subnets_mismatch", false, "the subnets of both sides do not overlap; here: {subnets}",
          "set them mirrored on {peer}"},
    Cause{"certificate_expired", false, "a certificate has expired",
          "renew the node's certificate; check the clocks of both nodes"},
    Cause{"certificate_untrusted", false, "the peer's certificate is not of this network's CA",
          "enrol {peer} again with a token of this controller"},
    Cause{"dataplane_refused", false, "the data plane did not take the negotiated SA",
          "see that farspan-dataplane runs; its log names the reason"},
    Cause{"rejected_by_peer", true, "{peer} rejects the negotiation", "see {peer}'s own IKE log"},
    Cause{"peer_silent", true, "{remote} does not answer on UDP 500 or 4500",
          "check that {peer} is switched on, that its address is {remote}, and that UDP 500 and "
          "4500 pass the firewalls between"},
    Cause{"dpd_timeout", true, "{peer} was up and stopped answering (dead peer detection)",
          "check {peer} and its internet line; the tunnel is made again as soon as it answers"},
    Cause{"deleted_by_peer", true, "{peer} closed the tunnel",
          "see {peer}'s own IKE log; the tunnel is made again when it answers"},
};

constexpr std::chrono::seconds kMemory{
    60};  // so long a general finding does not displace a particular one

const Cause* cause_named(std::string_view name) {
  const auto* found = std::find_if(kCauses.begin(), kCauses.end(),
                                   [&](const Cause& cause) { return cause.name == name; });
  return found == kCauses.end() ? nullptr : found;
}

/// How much a finding is worth: what we saw ourselves is certain, what the peer says may hide its
/// reason.
int weight(const ProblemLine& line) {
  const Cause* cause = cause_named(line.cause);
  return !cause || cause->is_general ? 1 : line.is_by_peer ? 2 : 3;
}

std::string peer_name(const Tunnel& tunnel) {
  if (const auto* office = std::get_if<nodestate::OfficeTunnel>(&tunnel.use))
    return "the device of " + office->connection;
  return "node " + std::get<nodestate::LinkTunnel>(tunnel.use).peer_node;
}

std::string listed(const std::vector<net::Prefix>& prefixes) {
  std::string text;
  for (const net::Prefix& prefix : prefixes) text += (text.empty() ? "" : ", ") + prefix.text();
  return text;
}

/// Peers choose their identity, terminals interpret control characters: only printable ones pass.
std::string printable(std::string_view text) {
  std::string safe(text.substr(0, 100));
  std::replace_if(
      safe.begin(), safe.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return safe;
}

std::string fill_in(std::string_view sentence, const Tunnel& tunnel, const ProblemLine& line) {
  const std::array<std::pair<std::string_view, std::string>, 9> values{{
      {"{peer}", peer_name(tunnel)},
      {"{claimed}",
       line.identity.empty() || line.is_by_peer ? "unknown" : printable(line.identity)},
      {"{local_id}", tunnel.ike.local_id},
      {"{remote_id}", tunnel.ike.remote_id},
      {"{remote}", tunnel.ike.remote.text()},
      {"{ike_proposal}", tunnel.ike.ike_proposal},
      {"{esp_proposal}", tunnel.ike.esp_proposal},
      {"{version}", std::to_string(tunnel.ike.version)},
      {"{subnets}", "local " + listed(tunnel.ike.local_subnets) + ", remote " +
                        listed(tunnel.ike.remote_subnets)},
  }};
  std::string text;
  while (!sentence.empty()) {
    const auto found = std::find_if(values.begin(), values.end(), [&](const auto& value) {
      return sentence.starts_with(value.first);
    });
    if (found != values.end()) {
      text += found->second;
      sentence.remove_prefix(found->first.size());
    } else {
      text += sentence.front();
      sentence.remove_prefix(1);
    }
  }
  return text;
}

/// "key=value" at the start of `text`, taken off with the blank behind it.
std::optional<std::string> take_field(std::string_view& text, std::string_view key) {
  if (!text.starts_with(key) || text.size() <= key.size() || text[key.size()] != '=')
    return std::nullopt;
  text.remove_prefix(key.size() + 1);
  const size_t end = std::min(text.find(' '), text.size());
  std::string value(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return value;
}

}  // namespace

std::optional<ProblemLine> read_problem(std::string_view text) {
  constexpr std::string_view kMark = "farspan-problem ";
  if (!text.starts_with(kMark)) return std::nullopt;
  text.remove_prefix(kMark.size());

  ProblemLine line;
  const size_t end = std::min(text.find(' '), text.size());
  line.cause = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  const auto stage = take_field(text, "stage"), by = take_field(text, "by"),
             remote = take_field(text, "remote");
  if (!stage || !by || !remote || !text.starts_with("id=") || !cause_named(line.cause))
    return std::nullopt;
  line.stage = *stage;
  line.is_by_peer = *by == "peer";
  line.remote = *remote;
  line.identity = text.substr(3);  // the peer's words: all that is left, whatever they are
  return line;
}

void Diagnosis::found(const ProblemLine& problem, std::string_view connection,
                      const nodestate::Tunnels& wanted, Clock::time_point now) {
  if (const auto named = tunnel_of(connection); named && wanted.contains(*named)) {
    remember(*named, problem, now);
    return;
  }
  const auto about = [&](auto&& is_about) {
    bool is_any = false;
    for (const auto& [id, tunnel] : wanted) {
      if (tunnel.ike.remote.text() != problem.remote || !is_about(tunnel)) continue;
      remember(id, problem, now);
      is_any = true;
    }
    return is_any;
  };
  if (about([&](const Tunnel& tunnel) { return tunnel.ike.remote_id == problem.identity; })) return;
  about([](const Tunnel&) { return true; });
}

void Diagnosis::remember(TunnelId tunnel, const ProblemLine& problem, Clock::time_point now) {
  auto [at, is_new] = findings_.try_emplace(tunnel, Finding{problem, now});
  if (is_new) return;
  if (weight(problem) >= weight(at->second.line) || now - at->second.at > kMemory)
    at->second = {problem, now};
}

std::optional<TunnelProblem> Diagnosis::problem(TunnelId id, const Tunnel& tunnel,
                                                Clock::time_point now) const {
  const auto finding = findings_.find(id);
  if (finding == findings_.end()) return std::nullopt;
  const ProblemLine& line = finding->second.line;
  const Cause& cause = *cause_named(line.cause);
  TunnelProblem problem;
  problem.cause = cause.name;
  problem.words = fill_in(cause.words, tunnel, line);
  if (line.is_by_peer && line.cause == "psk_mismatch") {
    problem.words += ", or the peer does not accept the identity " + tunnel.ike.local_id +
                     " (it does not say which)";
  }
  problem.remedy = fill_in(cause.remedy, tunnel, line);
  problem.seconds_ago = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now - finding->second.at).count());
  return problem;
}

}  // namespace farspan::tunnels
