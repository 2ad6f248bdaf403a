// SPDX-License-Identifier: Apache-2.0
#include "farspan/lab/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "farspan/base/message_socket.h"

namespace farspan::lab {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kRestartPause = std::chrono::milliseconds(300);
constexpr auto kStopPatience = std::chrono::seconds(4);

std::string socket_in(const std::string& directory) { return directory + "/supervisor.sock"; }
std::string pid_file_in(const std::string& directory) { return directory + "/supervisor.pid"; }

struct Child {
  Program program;
  pid_t pid = 0;
  int starts = 0;
  Clock::time_point start_at{};  // when pid is 0
};

// The daemon's side: children, and the loop that minds them.
class Daemon {
 public:
  explicit Daemon(UniqueFd listener) : listener_(std::move(listener)) {}

  void serve() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&signals, signal);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    const UniqueFd signal_fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    while (!is_ending_) {
      pollfd waits[2] = {{listener_.get(), POLLIN, 0}, {signal_fd.get(), POLLIN, 0}};
      ::poll(waits, 2, milliseconds_to_next_start());
      signalfd_siginfo signal{};
      while (::read(signal_fd.get(), &signal, sizeof signal) == sizeof signal) {
        if (signal.ssi_signo != SIGCHLD) is_ending_ = true;
      }
      reap();
      if ((waits[0].revents & POLLIN) != 0) answer_one();
      start_due();
    }
    for (auto& [name, child] : children_) kill_child(child, SIGTERM);
    const auto deadline = Clock::now() + kStopPatience;
    for (auto& [name, child] : children_) await(child, deadline);
  }

 private:
  void spawn(Child& child) {
    ++child.starts;
    const pid_t supervisor = ::getpid();
    const pid_t pid = ::fork();
    if (pid != 0) {
      child.pid = pid > 0 ? pid : 0;
      if (pid < 0) child.start_at = Clock::now() + kRestartPause;
      return;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != supervisor) ::_exit(1);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const int log = ::open(child.program.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(log, 1);
    ::dup2(log, 2);
    ::closefrom(3);
    std::vector<char*> words;
    for (const auto& word : child.program.argv) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    ::dprintf(2, "cannot run %s: %s\n", words[0], std::strerror(errno));
    ::_exit(127);
  }

  void reap() {
    int status = 0;
    for (pid_t pid = ::waitpid(-1, &status, WNOHANG); pid > 0;
         pid = ::waitpid(-1, &status, WNOHANG)) {
      for (auto& [name, child] : children_) {
        if (child.pid != pid) continue;
        child.pid = 0;
        child.start_at = Clock::now() + kRestartPause;
      }
    }
  }

  void start_due() {
    for (auto& [name, child] : children_) {
      if (child.pid == 0 && Clock::now() >= child.start_at) spawn(child);
    }
  }

  int milliseconds_to_next_start() const {
    int wait = -1;
    for (const auto& [name, child] : children_) {
      if (child.pid != 0) continue;
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(child.start_at - Clock::now())
              .count();
      const int due = left > 0 ? static_cast<int>(left) + 1 : 0;
      if (wait < 0 || due < wait) wait = due;
    }
    return wait;
  }

  static void kill_child(const Child& child, int signal) {
    if (child.pid > 0) ::kill(child.pid, signal);
  }

  // Waits for a child that was told to end; kills it when it has not by then. (charon 5.9.8 may
  // hang for ever when a peer deletes an IKE SA while it ends: one thread destroys the entry of the
  // IKE SA the other waits for.)
  static void await(Child& child, Clock::time_point deadline) {
    while (child.pid > 0 && ::waitpid(child.pid, nullptr, WNOHANG) == 0) {
      if (Clock::now() > deadline) kill_child(child, SIGKILL);
      ::poll(nullptr, 0, 5);  // SIGCHLD is blocked and taken by signalfd, so nothing would wake us
    }
    child.pid = 0;
  }

  void stop(const std::string& name) {
    const auto found = children_.find(name);
    if (found == children_.end()) return;
    kill_child(found->second, SIGTERM);
    await(found->second, Clock::now() + kStopPatience);
    children_.erase(found);
  }

  void answer_one() {
    MessageSocket peer{UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC))};
    auto message = peer.receive(std::chrono::seconds(2));
    if (!message) return;
    const auto request = nlohmann::json::parse(message->bytes, nullptr, false);
    nlohmann::json reply = nlohmann::json::object();
    if (request.is_object() && request.contains("start")) {
      const auto& row = request["start"];
      Child child;
      child.program = {row.at("name"), row.at("argv").get<Argv>(), row.at("log")};
      const std::string name = child.program.name;
      stop(name);
      spawn(children_[name] = std::move(child));
    } else if (request.is_object() && request.contains("stop")) {
      stop(request["stop"]);
    } else {
      reply["programs"] = nlohmann::json::array();
      for (const auto& [name, child] : children_) {
        reply["programs"].push_back({{"name", name}, {"pid", child.pid}, {"starts", child.starts}});
      }
    }
    (void)peer.send(reply.dump());
  }

  UniqueFd listener_;
  std::map<std::string, Child> children_;
  bool is_ending_ = false;
};

Result<nlohmann::json> ask(const std::string& directory, const nlohmann::json& request) {
  auto socket = MessageSocket::connect(socket_in(directory));
  if (!socket) return socket.error();
  if (auto sent = socket->send(request.dump()); !sent) return sent.error();
  auto reply = socket->receive(std::chrono::seconds(15));
  if (!reply) return reply.error();
  return nlohmann::json::parse(reply->bytes, nullptr, false);
}

}  // namespace

Result<Supervisor> Supervisor::launch(const std::string& directory) {
  auto listener = listen_unix(socket_in(directory), 0600, SOCK_STREAM);
  if (!listener) return listener.error();
  const pid_t pid = ::fork();
  if (pid < 0)
    return Error{ErrorCode::kUnavailable, "", "",
                 std::string("fork failed: ") + std::strerror(errno), ""};
  if (pid > 0) {
    int status = 0;
    ::waitpid(pid, &status, 0);  // the first child only forks the daemon
    return Supervisor(directory);
  }
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  std::ofstream(pid_file_in(directory)) << ::getpid() << "\n";
  const int log =
      ::open((directory + "/supervisor.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, 0);
  ::dup2(log, 1);
  ::dup2(log, 2);
  Daemon(std::move(*listener)).serve();
  ::unlink(socket_in(directory).c_str());
  ::_exit(0);
}

Result<Supervisor> Supervisor::find(const std::string& directory) {
  if (auto reply = ask(directory, {{"list", true}}); !reply) return reply.error();
  return Supervisor(directory);
}

Status Supervisor::start(const Program& program) const {
  auto reply =
      ask(directory_,
          {{"start", {{"name", program.name}, {"argv", program.argv}, {"log", program.log}}}});
  return reply ? ok() : Status(reply.error());
}

Status Supervisor::stop(const std::string& name) const {
  auto reply = ask(directory_, {{"stop", name}});
  return reply ? ok() : Status(reply.error());
}

Result<std::vector<ProgramStatus>> Supervisor::list() const {
  auto reply = ask(directory_, {{"list", true}});
  if (!reply) return reply.error();
  std::vector<ProgramStatus> programs;
  for (const auto& row : reply->value("programs", nlohmann::json::array())) {
    programs.push_back({row.at("name"), row.at("pid"), row.at("starts")});
  }
  return programs;
}

Status Supervisor::shut_down() const {
  std::ifstream file(pid_file_in(directory_));
  pid_t pid = 0;
  if (!(file >> pid) || pid <= 1) return ok();
  if (auto reply = ask(directory_, {{"list", true}}); !reply)
    return ok();  // it is gone; the number may be another's
  ::kill(pid, SIGTERM);
  const auto deadline = Clock::now() + kStopPatience + std::chrono::seconds(4);
  while (::kill(pid, 0) == 0 && Clock::now() < deadline) ::poll(nullptr, 0, 10);
  if (::kill(pid, 0) == 0)
    return Error{ErrorCode::kUnavailable, "", "",
                 "the lab's supervisor (pid " + std::to_string(pid) + ") does not end",
                 "end it with kill"};
  return ok();
}

}  // namespace farspan::lab
