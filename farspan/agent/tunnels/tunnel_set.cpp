// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/tunnels/tunnel_set.h"

#include <algorithm>
#include <optional>
#include <set>

#include "farspan/agent/tunnels/connection.h"
#include "farspan/agent/tunnels/diagnosis.h"
#include "farspan/agent/tunnels/duplicate_sas.h"
#include "farspan/agent/tunnels/status.h"
#include "farspan/agent/vici/session.h"

namespace farspan::tunnels {
namespace {

using namespace std::chrono_literals;
using nodestate::Tunnel;
using nodestate::TunnelId;
using Clock = TunnelSet::Clock;

constexpr auto kReconnect = 500ms;
constexpr auto kRefresh = 500ms;  // list-sas at most this often
constexpr auto kRetry = 10s;      // between two attempts at one tunnel
constexpr auto kStale = 3s;       // an unanswered attempt beside an established tunnel
// Both ends want to initiate. Whoever waits longer finds the tunnel made and does nothing, so that
// it is made once.
constexpr auto kOfficeGrace = 1s;
constexpr auto kSecondOfLinkGrace = 20s;

Error charon_is_down() {
  return {ErrorCode::kUnavailable, "charon", "", "the IKE daemon is not there",
          "it is tried again; see that charon runs"};
}

}  // namespace

struct TunnelSet::State {
  std::string path;
  int stop_fd = -1;
  std::optional<vici::Session> session;
  Clock::time_point next_connect{};

  NodeCredentials credentials;
  bool are_credentials_loaded = false;

  bool is_wanted_known =
      false;  // before the first reconcile() nothing of charon's is ours to remove
  nodestate::Tunnels wanted;
  std::map<TunnelId, std::string> names;    // of the connections loaded in this session
  std::map<TunnelId, std::string> secrets;  // pre-shared keys loaded, over all sessions
  std::vector<TunnelFailure> failures;

  std::map<TunnelId, std::vector<IkeSa>> sas;
  Clock::time_point next_refresh{};
  std::set<TunnelId> up;
  std::map<TunnelId, Clock::time_point> last_packet_in;  // a rekeyed SA takes its own along
  std::map<TunnelId, Clock::time_point> next_attempt;
  std::map<std::string, Clock::time_point> unanswered;  // IKE SAs by unique id
  DuplicateSas duplicates;
  Diagnosis diagnosis;

  // ---- session ----

  /// `result`, with the session given up when it says that charon is gone.
  template <class R>
  R watch(R result) {
    if (!result.ok() && result.error().code == ErrorCode::kUnavailable) lose_session();
    return result;
  }
  Result<vici::Section> request(const std::string& command, const vici::Section& arguments = {}) {
    if (!session) return charon_is_down();
    return watch(session->request(command, arguments));
  }

  /// For what is wanted gone: that charon does not have it (any more) is as good.
  void tell(const std::string& command, const vici::Section& arguments) {
    static_cast<void>(request(command, arguments).ok());
  }

  void lose_session() {
    session.reset();
    are_credentials_loaded = false;
    names.clear();
    sas.clear();
    up.clear();
    unanswered.clear();  // with its session end charon's unique ids, too: they start at 1 again
    duplicates.forget_all();
  }

  bool open_session(Clock::time_point now) {
    if (session) return true;
    if (now < next_connect) return false;
    next_connect = now + kReconnect;
    auto opened = vici::Session::connect(path, stop_fd);
    if (!opened.ok()) return false;
    session.emplace(std::move(*opened));
    for (const char* event : {"ike-updown", "ike-rekey", "child-updown", "child-rekey", "log"}) {
      if (session && !watch(session->subscribe(event)).ok()) return false;
    }
    return session.has_value();
  }

  // ---- what charon holds ----

  std::set<std::string> list(const std::string& command, std::string_view key) {
    auto answer = request(command);
    if (!answer.ok()) return {};
    const auto* items = answer->find_list(key);
    return items ? std::set<std::string>(items->begin(), items->end()) : std::set<std::string>{};
  }

  void terminate(const std::string& connection) {
    // -1: do not wait for the peer. With `force` charon does not either, and drops the SAs with the
    // one DELETE it sends: for links, whose other end may have been revoked and silent, and would
    // be sent packets until the retransmissions end. An office may have sent some that are on their
    // way.
    const auto tunnel = tunnel_of(connection);
    const bool is_link = tunnel && (tunnel->value() & nodestate::kLinkBit) != 0;
    vici::Section arguments = vici::Section{}.set("ike", connection).set("timeout", "-1");
    if (is_link) arguments.set("force", true);
    tell("terminate", arguments);
  }

  void unload(const std::string& connection) {
    terminate(connection);
    tell("unload-conn", vici::Section{}.set("name", connection));
  }

  void load_credentials() {
    if (are_credentials_loaded || credentials.private_key.empty()) return;
    auto loaded = request("load-key",
                          vici::Section{}.set("type", "any").set("data", credentials.private_key));
    if (!loaded.ok()) return;
    loaded = request("load-cert", vici::Section{}
                                      .set("type", "X509")
                                      .set("flag", "CA")
                                      .set("data", credentials.ca_certificate));
    are_credentials_loaded = loaded.ok();
  }

  void fail(TunnelId id, Error error) { failures.push_back({id, std::move(error)}); }

  /// The key is always sent again: charon cannot be asked for it, and the same key changes nothing.
  Status load_secret(TunnelId id, const Connection& connection) {
    if (!connection.load_shared) return ok();
    const std::string psk(connection.load_shared->value("data"));
    const auto known = secrets.find(id);
    if (names.contains(id) && known != secrets.end() && known->second == psk) return ok();
    auto loaded = request("load-shared", *connection.load_shared);
    if (!loaded.ok()) return loaded.error();
    if (known != secrets.end() && known->second != psk) terminate(connection.name);
    secrets[id] = psk;
    return ok();
  }

  Clock::duration grace(const Tunnel& tunnel) const {
    if (!is_first_to_initiate(tunnel, credentials.node)) return kSecondOfLinkGrace;
    return std::holds_alternative<nodestate::OfficeTunnel>(tunnel.use)
               ? Clock::duration(kOfficeGrace)
               : 0s;
  }

  void load(TunnelId id, const Tunnel& tunnel, const std::set<std::string>& held,
            Clock::time_point now) {
    auto connection = describe_connection(id, tunnel, credentials);
    if (!connection.ok()) return fail(id, connection.error());
    if (auto secret = load_secret(id, *connection); !secret.ok()) return fail(id, secret.error());
    const auto name = names.find(id);
    if (name != names.end() && name->second == connection->name && held.contains(connection->name))
      return;
    auto loaded = request("load-conn", connection->load_conn);
    if (!loaded.ok()) return fail(id, loaded.error());
    names[id] = connection->name;
    if (!held.contains(
            connection->name)) {  // new or changed, and not merely taken over from an earlier agent
      diagnosis.clear(id);
      next_attempt[id] = now + grace(tunnel);
    }
  }

  /// 1. find what must go: connections that are not exactly wanted, keys of tunnels that are not
  /// wanted
  /// 2. terminate and unload it
  /// 3. load what is missing; poll() initiates
  void apply_wanted(Clock::time_point now) {
    if (!is_wanted_known) return;
    failures.clear();
    if (!open_session(now)) {
      for (const auto& [id, tunnel] : wanted) fail(id, charon_is_down());
      return;
    }
    load_credentials();

    std::set<std::string> wanted_names;
    for (const auto& [id, tunnel] : wanted) {
      if (auto connection = describe_connection(id, tunnel, credentials); connection.ok())
        wanted_names.insert(connection->name);
    }
    const std::set<std::string> held = list("get-conns", "conns");
    for (const std::string& name : held) {
      if (tunnel_of(name) && !wanted_names.contains(name)) unload(name);
    }
    for (const std::string& name : list("get-shared", "keys")) {
      const auto id = tunnel_of(name);
      if (!id || wanted.contains(*id)) continue;
      tell("unload-shared", vici::Section{}.set("id", name));
      secrets.erase(*id);
    }
    forget_unwanted();
    for (const auto& [id, tunnel] : wanted) load(id, tunnel, held, now);
    next_refresh = now;
  }

  void forget_unwanted() {
    const auto is_unwanted = [&](const auto& entry) { return !wanted.contains(entry.first); };
    std::erase_if(names, is_unwanted);
    std::erase_if(secrets, is_unwanted);
    std::erase_if(next_attempt, is_unwanted);
    std::erase_if(last_packet_in, is_unwanted);
    std::erase_if(sas, [&](const auto& entry) {
      if (wanted.contains(entry.first)) return false;
      duplicates.forget(entry.first);
      return true;
    });
    std::erase_if(up, [&](TunnelId id) {
      if (wanted.contains(id)) return false;
      diagnosis.clear(id);
      return true;
    });
  }

  // ---- what charon does ----

  /// @return whether a tunnel may have changed
  bool read_events(Clock::time_point now) {
    if (!session || !watch(session->receive_events()).ok()) return false;
    bool is_changed = false;
    while (auto event = session->take_event()) {
      if (event->name != "log") {
        is_changed = true;
        next_refresh = now;
      } else if (const auto problem = read_problem(event->content.value("msg"))) {
        diagnosis.found(*problem, event->content.value("ikesa-name"), wanted, now);
        is_changed = true;
      }
    }
    return is_changed;
  }

  void refresh(Clock::time_point now) {
    if (!session || now < next_refresh) return;
    next_refresh = now + kRefresh;
    auto streamed = watch(session->stream("list-sas", "list-sa"));
    if (!streamed.ok()) return;
    sas = read_sas(*streamed);
    for (const auto& [id, tunnel] : wanted) {
      note_state(id, tunnel, now);
      note_last_packet(id, now);
    }
  }

  void note_last_packet(TunnelId id, Clock::time_point now) {
    for (const IkeSa& sa : sas[id]) {
      if (!sa.status.last_packet_in_seconds_ago) continue;
      const auto at = now - std::chrono::seconds(*sa.status.last_packet_in_seconds_ago);
      const auto known = last_packet_in.try_emplace(id, at).first;
      known->second = std::max(known->second, at);
    }
  }

  void note_state(TunnelId id, const Tunnel& tunnel, Clock::time_point now) {
    const IkeSa* sa = leading_sa(sas[id]);
    if (sa && sa->is_established && sa->status.is_child_established) {
      up.insert(id);
      diagnosis.clear(id);
    } else if (up.erase(id) > 0) {
      next_attempt[id] = now + grace(tunnel);  // the other end may be about to do it
    }
  }

  bool is_negotiating(TunnelId id) const {
    const auto found = sas.find(id);
    return found != sas.end() && std::any_of(found->second.begin(), found->second.end(),
                                             [](const IkeSa& sa) { return sa.is_connecting; });
  }

  void initiate_missing(Clock::time_point now) {
    for (const auto& [id, tunnel] : wanted) {
      const auto name = names.find(id);
      if (!session || !tunnel.ike.is_start_now || name == names.end() || up.contains(id)) continue;
      auto& not_before = next_attempt[id];
      if (now < not_before || is_negotiating(id)) continue;
      not_before =
          now + kRetry + std::chrono::milliseconds(id.value() % 16 * 100);  // not all at once
      tell("initiate",
           vici::Section{}.set("child", kChild).set("ike", name->second).set("timeout", "-1"));
      next_refresh = now;
    }
  }

  /// An attempt the peer never answered, while the peer itself made the tunnel: it would end up as
  /// a second IKE SA.
  void end_stale_attempts(Clock::time_point now) {
    std::map<std::string, Clock::time_point> still;
    for (const auto& [id, list] : sas) {
      for (const IkeSa& sa : list) {
        if (!up.contains(id) || !sa.is_connecting || sa.has_peer_answered) continue;
        const auto seen = unanswered.find(sa.unique_id);
        const Clock::time_point since = seen == unanswered.end() ? now : seen->second;
        still[sa.unique_id] = since;
        if (now - since < kStale) continue;
        tell("terminate",
             vici::Section{}.set("ike-id", sa.unique_id).set("force", true).set("timeout", "-1"));
        if (!session) return;
      }
    }
    unanswered = std::move(still);
  }

  /// One end does it: the one that would initiate the tunnel.
  void settle_duplicates(Clock::time_point now) {
    for (const auto& [id, tunnel] : wanted) {
      if (!session || !is_first_to_initiate(tunnel, credentials.node)) continue;
      const DuplicateSas::Remedy remedy = duplicates.look(id, sas[id], now);
      for (const std::string& child : remedy.rekey_children)
        tell("rekey", vici::Section{}.set("child-id", child));
      for (const std::string& ike : remedy.end_ike_sas)
        tell("terminate", vici::Section{}.set("ike-id", ike).set("timeout", "-1"));
    }
  }
};

TunnelSet::TunnelSet(std::string vici_path, int stop_fd) : state_(std::make_unique<State>()) {
  state_->path = std::move(vici_path);
  state_->stop_fd = stop_fd;
}
TunnelSet::~TunnelSet() = default;

void TunnelSet::set_credentials(NodeCredentials credentials) {
  if (credentials == state_->credentials) return;
  state_->credentials = std::move(credentials);
  state_->are_credentials_loaded = false;
  // Links are loaded again with the new certificate at the next reconcile(); their SAs stay.
  std::erase_if(state_->names, [&](const auto& entry) {
    const auto tunnel = state_->wanted.find(entry.first);
    return tunnel != state_->wanted.end() &&
           std::holds_alternative<nodestate::LinkTunnel>(tunnel->second.use);
  });
}

std::vector<TunnelFailure> TunnelSet::reconcile(const nodestate::Tunnels& wanted) {
  state_->wanted = wanted;
  state_->is_wanted_known = true;
  state_->apply_wanted(Clock::now());
  return state_->failures;
}

int TunnelSet::fd() const { return state_->session ? state_->session->fd() : -1; }

bool TunnelSet::poll(Clock::time_point now) {
  State& state = *state_;
  const bool was_up = state.session.has_value();
  bool is_changed = state.read_events(now);
  if (!state.session && state.open_session(now)) state.apply_wanted(now);
  const std::set<TunnelId> up_before = state.up;
  state.refresh(now);
  state.initiate_missing(now);
  state.end_stale_attempts(now);
  state.settle_duplicates(now);
  return is_changed || was_up != state.session.has_value() || up_before != state.up;
}

bool TunnelSet::is_charon_up() const { return state_->session.has_value(); }
const std::vector<TunnelFailure>& TunnelSet::failures() const { return state_->failures; }

std::vector<TunnelStatus> TunnelSet::status(Clock::time_point now) {
  State& state = *state_;
  state.read_events(now);
  state.refresh(now);
  std::vector<TunnelStatus> all;
  for (const auto& [id, tunnel] : state.wanted) {
    TunnelStatus status;
    const auto combined = combined_status(state.sas[id]);
    if (combined) status = *combined;
    status.tunnel = id;
    status.last_packet_in_seconds_ago.reset();
    if (const auto last = state.last_packet_in.find(id); last != state.last_packet_in.end())
      status.last_packet_in_seconds_ago = static_cast<uint64_t>(
          std::chrono::duration_cast<std::chrono::seconds>(now - last->second).count());
    if (std::holds_alternative<nodestate::LinkTunnel>(tunnel.use)) {
      // both ends pretend a NAT to have their ESP in UDP: only a moved port shows a real one
      status.is_nat_detected =
          combined && !status.remote.ends_with("[4500]") && !status.remote.ends_with("[500]");
    }
    if (!combined) {
      status.local = tunnel.ike.local.text();
      status.remote = tunnel.ike.remote.text();
    }
    const auto failure = std::find_if(
        state.failures.begin(), state.failures.end(),
        [&](const TunnelFailure& candidate) { return candidate.tunnel == status.tunnel; });
    if (!state.session) {
      const Error error = charon_is_down();
      status.problem = TunnelProblem{"ike_daemon_down", error.what, error.remedy, 0};
    } else if (failure != state.failures.end()) {
      status.problem =
          TunnelProblem{"configuration_refused", failure->error.text(), failure->error.remedy, 0};
    } else if (!status.is_ike_established || !status.is_child_established) {
      status.problem = state.diagnosis.problem(id, tunnel, now);
    }
    all.push_back(std::move(status));
  }
  return all;
}

Status TunnelSet::restart(TunnelId tunnel) {
  State& state = *state_;
  const auto name = state.names.find(tunnel);
  if (name == state.names.end())
    return Error{ErrorCode::kNotFound, "Tunnel " + to_string(tunnel), "", "is not loaded",
                 "apply it first"};
  state.terminate(name->second);
  state.next_attempt[tunnel] = Clock::now();
  return state.session ? ok() : Status(charon_is_down());
}

Status TunnelSet::rekey(TunnelId tunnel, Rekey what) {
  State& state = *state_;
  const auto name = state.names.find(tunnel);
  if (name == state.names.end())
    return Error{ErrorCode::kNotFound, "Tunnel " + to_string(tunnel), "", "is not loaded",
                 "apply it first"};
  vici::Section arguments;
  arguments.set("ike", name->second);
  if (what == Rekey::kChild)
    arguments = vici::Section{}.set("child", kChild).set("ike", name->second);
  auto done = state.request("rekey", arguments);
  return done.ok() ? ok() : Status(done.error());
}

}  // namespace farspan::tunnels
