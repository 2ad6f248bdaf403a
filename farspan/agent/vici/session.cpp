// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/vici/session.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace farspan::vici {
namespace {

enum PacketType : uint8_t {
  kRequest = 0,
  kResponse = 1,
  kUnknownCommand = 2,
  kEventRegister = 3,
  kEventUnregister = 4,
  kEventConfirm = 5,
  kEventUnknown = 6,
  kEvent = 7,
};

constexpr size_t kMaxQueuedEvents =
    10'000;  // a reader that slow has lost interest: the oldest are dropped

Error unavailable(std::string what) {
  return {ErrorCode::kUnavailable, "charon", "", std::move(what), ""};
}

Error gone(const char* doing) {
  return unavailable(std::string(doing) + ": " + std::strerror(errno));
}

int remaining_ms(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

bool is_named(uint8_t type) {
  return type == kRequest || type == kEventRegister || type == kEventUnregister || type == kEvent;
}

}  // namespace

Result<Session> Session::connect(const std::string& path, int stop_fd,
                                 std::chrono::milliseconds timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return Error{ErrorCode::kInvalid, "charon", "vici socket",
                 path + " is longer than a socket path may be", "use a shorter run directory"};
  }
  path.copy(address.sun_path, path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return gone("socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return gone("not there");
  return Session(std::move(fd), stop_fd, timeout);
}

/// Waits until the socket is ready for `events`; kUnavailable with `otherwise` when it is not in
/// time.
Status Session::wait_for(int16_t events, Deadline deadline, const char* otherwise) const {
  pollfd waits[2] = {{fd_.get(), events, 0}, {stop_fd_, POLLIN, 0}};
  if (::poll(waits, 2, remaining_ms(deadline)) == 0) return unavailable(otherwise);
  if ((waits[1].revents & POLLIN) != 0) return unavailable("is not waited for any longer");
  return ok();
}

Status Session::send(uint8_t type, const std::string& name, const Section* content) {
  std::string packet(4, '\0');
  packet.push_back(static_cast<char>(type));
  packet.push_back(static_cast<char>(name.size()));
  packet += name;
  if (content) {
    auto body = encode(*content);
    if (!body.ok()) return body.error();
    packet += *body;
  }
  const size_t length = packet.size() - 4;
  if (name.size() > 255 || length > kMaxMessage) {
    return Error{ErrorCode::kInvalid, "charon", name, "the request is too long",
                 "configure less in one tunnel"};
  }
  for (size_t i = 0; i < 4; ++i) packet[i] = static_cast<char>(length >> (24 - 8 * i) & 0xff);

  const Deadline deadline = std::chrono::steady_clock::now() + timeout_;
  std::string_view rest = packet;
  while (!rest.empty()) {
    const ssize_t sent = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      rest.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      auto room = wait_for(POLLOUT, deadline, "does not read its VICI socket");
      if (!room.ok()) return room;
    } else if (errno != EINTR) {
      return gone("sending");
    }
  }
  return ok();
}

/// Waits until some bytes were read.
Status Session::fill(Deadline deadline) {
  char bytes[16384];
  while (true) {
    const ssize_t got = ::recv(fd_.get(), bytes, sizeof(bytes), 0);
    if (got > 0) {
      buffer_.append(bytes, static_cast<size_t>(got));
      return ok();
    }
    if (got == 0) return unavailable("closed its VICI socket");
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return gone("receiving");
    if (auto input = wait_for(POLLIN, deadline, "does not answer"); !input.ok()) return input;
  }
}

/// The packet at the start of the buffer, or nothing when it is not complete yet.
Result<std::optional<Session::Packet>> Session::take_packet() {
  if (buffer_.size() < 4) return std::optional<Packet>{};
  size_t length = 0;
  for (size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<uint8_t>(buffer_[i]);
  if (length == 0 || length > kMaxMessage)
    return unavailable("sent a VICI packet of " + std::to_string(length) + " bytes");
  if (buffer_.size() < 4 + length) return std::optional<Packet>{};

  std::string_view bytes = std::string_view(buffer_).substr(4, length);
  Packet packet;
  packet.type = static_cast<uint8_t>(bytes[0]);
  bytes.remove_prefix(1);
  if (is_named(packet.type)) {
    const size_t name = bytes.empty() ? 0 : static_cast<uint8_t>(bytes[0]);
    if (bytes.size() < 1 + name) return unavailable("sent a malformed VICI packet");
    packet.name = bytes.substr(1, name);
    bytes.remove_prefix(1 + name);
  }
  auto content = decode(bytes);
  if (!content.ok()) return unavailable(content.error().what);
  packet.content = std::move(*content);
  buffer_.erase(0, 4 + length);
  return std::optional<Packet>{std::move(packet)};
}

Result<Session::Packet> Session::next(Deadline deadline) {
  while (true) {
    auto packet = take_packet();
    if (!packet.ok()) return packet.error();
    if (packet->has_value()) return std::move(**packet);
    if (auto filled = fill(deadline); !filled.ok()) return filled.error();
  }
}

Result<Section> Session::request(const std::string& command, const Section& arguments) {
  if (auto sent = send(kRequest, command, &arguments); !sent.ok()) return sent.error();
  const Deadline deadline = std::chrono::steady_clock::now() + timeout_;
  while (true) {
    auto packet = next(deadline);
    if (!packet.ok()) return packet.error();
    if (packet->type == kEvent) {
      if (events_.size() == kMaxQueuedEvents) events_.pop_front();
      events_.push_back({std::move(packet->name), std::move(packet->content)});
      continue;
    }
    if (packet->type == kUnknownCommand) {
      return Error{ErrorCode::kNotFound, "charon", command, "this charon does not know the command",
                   "install strongSwan 5.9.8 with the vici plugin"};
    }
    if (packet->type != kResponse)
      return unavailable("answered a command with packet type " + std::to_string(packet->type));
    if (packet->content.value("success") == "no") {
      return Error{ErrorCode::kConflict, "charon", command,
                   std::string(packet->content.value("errmsg", "refused")), ""};
    }
    return std::move(packet->content);
  }
}

Status Session::subscribe(const std::string& event) {
  if (auto sent = send(kEventRegister, event, nullptr); !sent.ok()) return sent.error();
  const Deadline deadline = std::chrono::steady_clock::now() + timeout_;
  while (true) {
    auto packet = next(deadline);
    if (!packet.ok()) return packet.error();
    if (packet->type == kEventConfirm) return ok();
    if (packet->type == kEvent) {
      events_.push_back({std::move(packet->name), std::move(packet->content)});
    } else {
      return Error{ErrorCode::kNotFound, "charon", event, "this charon does not know the event",
                   ""};
    }
  }
}

Result<std::vector<Section>> Session::stream(const std::string& command, const std::string& event,
                                             const Section& arguments) {
  // Streamed only to who has subscribed; staying subscribed costs nothing, they are sent to the
  // asking session alone.
  if (!streams_.contains(event)) {
    if (auto subscribed = subscribe(event); !subscribed.ok()) return subscribed.error();
    streams_.insert(event);
  }
  auto answer = request(command, arguments);
  if (!answer.ok()) return answer.error();
  std::vector<Section> streamed;
  std::erase_if(events_, [&](Event& received) {
    if (received.name != event) return false;
    streamed.push_back(std::move(received.content));
    return true;
  });
  return streamed;
}

Status Session::receive_events() {
  while (true) {
    auto packet = take_packet();
    if (!packet.ok()) return packet.error();
    if (packet->has_value()) {
      if ((*packet)->type != kEvent) return unavailable("answered what was not asked");
      events_.push_back({std::move((*packet)->name), std::move((*packet)->content)});
      continue;
    }
    pollfd input{fd_.get(), POLLIN, 0};
    if (::poll(&input, 1, 0) <= 0) return ok();
    if (auto filled = fill(std::chrono::steady_clock::now()); !filled.ok()) return filled.error();
  }
}

std::optional<Event> Session::take_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace farspan::vici
