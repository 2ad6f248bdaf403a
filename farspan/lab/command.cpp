// SPDX-License-Identifier: Apache-2.0
#include "farspan/lab/command.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "farspan/base/unique_fd.h"

extern char** environ;

namespace farspan::lab {
namespace {

struct Pipe {
  UniqueFd read_end, write_end;
};

Pipe make_pipe() {
  int fds[2] = {-1, -1};
  FS_CHECK(::pipe2(fds, O_CLOEXEC) == 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Reads both pipes until both are closed, so that neither can fill up and stall the command.
void drain(Pipe& out, std::string& out_text, Pipe& err, std::string& err_text) {
  std::array<pollfd, 2> waits = {
      {{out.read_end.get(), POLLIN, 0}, {err.read_end.get(), POLLIN, 0}}};
  const std::array<std::string*, 2> texts = {&out_text, &err_text};
  while (waits[0].fd >= 0 || waits[1].fd >= 0) {
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    for (size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].fd < 0 || waits[i].revents == 0) continue;
      char buffer[16384];
      const ssize_t n = ::read(waits[i].fd, buffer, sizeof buffer);
      if (n > 0) texts[i]->append(buffer, static_cast<size_t>(n));
      if (n == 0 || (n < 0 && errno != EINTR)) waits[i].fd = -1;
    }
  }
}

std::string joined(const Argv& argv) {
  std::string text;
  for (const auto& word : argv) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

Argv in_namespace(const std::string& netns, const Argv& argv) {
  Argv full = {"ip", "netns", "exec", netns};
  full.insert(full.end(), argv.begin(), argv.end());
  return full;
}

Result<std::string> run(const Argv& argv) {
  Pipe out = make_pipe(), err = make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.write_end.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, err.write_end.get(), 2);
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    return Error{ErrorCode::kUnavailable, "", "",
                 argv[0] + " cannot be run: " + std::strerror(failed),
                 "install it (make setup lists what is needed)"};
  }
  out.write_end.reset();
  err.write_end.reset();
  std::string out_text, err_text;
  drain(out, out_text, err, err_text);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return out_text;
  while (!err_text.empty() && err_text.back() == '\n') err_text.pop_back();
  return Error{ErrorCode::kUnavailable, "", "",
               "`" + joined(argv) + "` failed: " + (err_text.empty() ? out_text : err_text), ""};
}

}  // namespace farspan::lab
