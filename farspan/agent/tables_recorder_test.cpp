// SPDX-License-Identifier: Apache-2.0
// The recorder's code; in a test file so that no program links it.
#include "farspan/agent/tables_recorder.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "farspan/base/message_socket.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::agent {
namespace {

std::string words_of(const v1::TablesBatch& batch, size_t fd_count) {
  std::string words = batch.is_snapshot() ? "snapshot" : "increment";
  words += " " + std::to_string(batch.generation());
  for (const uint32_t id : batch.removed_ports()) words += " -port " + std::to_string(id);
  for (const uint32_t id : batch.removed_tunnels()) words += " -tunnel " + std::to_string(id);
  for (const auto& tunnel : batch.tunnels()) words += " +tunnel " + std::to_string(tunnel.id());
  if (batch.ports_size() > 3) {
    words += " +ports " + std::to_string(batch.ports_size());
  } else {
    for (const auto& port : batch.ports()) {
      words += " +port " + std::to_string(port.id()) + (port.has_fd() ? " with fd" : "");
    }
  }
  return words + " (" + std::to_string(fd_count) + " fds)";
}

}  // namespace

TablesRecorder::TablesRecorder(std::string path, EventLog& log)
    : log_(log), stop_(::eventfd(0, EFD_CLOEXEC)) {
  auto listener = listen_unix(path, 0600, SOCK_STREAM);
  FS_CHECK(listener.ok());
  listener_ = std::move(*listener);
  thread_ = std::thread([this] { run(); });
}

TablesRecorder::~TablesRecorder() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void TablesRecorder::refuse_next(std::string error) {
  const std::lock_guard lock(mutex_);
  refusal_ = std::move(error);
}

void TablesRecorder::lose(uint32_t port) {
  const std::lock_guard lock(mutex_);
  live_.erase(port);
}

void TablesRecorder::run() {
  for (;;) {
    pollfd inputs[2] = {{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    ::poll(inputs, 2, -1);
    if ((inputs[0].revents & POLLIN) != 0) return;
    UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.valid()) serve(connection.release());
  }
}

void TablesRecorder::serve(int connection) {
  MessageSocket socket{UniqueFd(connection)};
  for (;;) {
    pollfd inputs[2] = {{stop_.get(), POLLIN, 0}, {socket.fd(), POLLIN, 0}};
    ::poll(inputs, 2, -1);
    if ((inputs[0].revents & POLLIN) != 0) return;
    auto request = socket.receive();
    if (!request) return;
    if (!socket.send(answer(request->bytes, request->fds.size()))) return;
  }
}

std::string TablesRecorder::answer(const std::string& bytes, size_t fd_count) {
  const std::lock_guard lock(mutex_);
  v1::TablesRequest request;
  v1::TablesReply reply;
  FS_CHECK(request.ParseFromString(bytes));
  if (request.has_get_tables()) {
    reply.mutable_tables()->set_generation(generation_);
    for (const uint32_t port : live_) reply.mutable_tables()->add_ports(port);
  } else if (request.has_batch()) {
    const auto& batch = request.batch();
    log_.add(words_of(batch, fd_count) + (refusal_.empty() ? "" : " refused"));
    reply.set_error(std::exchange(refusal_, ""));
    if (reply.error().empty()) {
      generation_ = batch.generation();
      for (const uint32_t id : batch.removed_ports()) live_.erase(id);
      for (const auto& port : batch.ports()) {
        if (port.has_fd()) live_.insert(port.id());
      }
    }
  }
  return reply.SerializeAsString();
}

}  // namespace farspan::agent
