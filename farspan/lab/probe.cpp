// SPDX-License-Identifier: Apache-2.0
#include "farspan/lab/probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "farspan/base/unique_fd.h"

namespace farspan::lab {
namespace {

using Clock = std::chrono::steady_clock;

sockaddr_in socket_address(const net::Address& address, uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(address.v4());
  return to;
}

// RFC 1071, over an even number of bytes.
uint16_t internet_checksum(const void* bytes, size_t length) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < length; i += 2) {
    uint16_t word;
    std::memcpy(&word, static_cast<const uint8_t*>(bytes) + i, sizeof word);
    sum += word;
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

// Waits until `fd` is ready for `events` or `deadline` passes.
bool await(int fd, short events, Clock::time_point deadline) {
  pollfd wait{fd, events, 0};
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left > 0 && ::poll(&wait, 1, static_cast<int>(left)) == 1;
}

// Does the ICMP message at `icmp` answer the echo request (identifier, sequence)? Errors quote the
// request.
bool is_about(const uint8_t* icmp, size_t length, uint16_t identifier, uint16_t sequence,
              bool& is_reply) {
  icmphdr header;
  if (length < sizeof header) return false;
  std::memcpy(&header, icmp, sizeof header);
  is_reply = header.type == ICMP_ECHOREPLY;
  if (!is_reply) {
    if (header.type != ICMP_TIME_EXCEEDED && header.type != ICMP_DEST_UNREACH) return false;
    const uint8_t* quoted = icmp + sizeof header;
    const size_t left = length - sizeof header;
    if (left < sizeof(iphdr)) return false;
    const size_t ip_length = static_cast<size_t>(quoted[0] & 15) * 4;
    if (left < ip_length + sizeof header) return false;
    std::memcpy(&header, quoted + ip_length, sizeof header);
  }
  return header.un.echo.id == identifier && header.un.echo.sequence == sequence;
}

}  // namespace

Status inside(const std::string& netns, const std::function<void()>& work) {
  const UniqueFd fd(::open(("/run/netns/" + netns).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid())
    return Error{ErrorCode::kNotFound, "", "", "there is no network namespace " + netns,
                 "is the lab up? `farspan lab status`"};
  bool entered = false;
  std::thread thread([&] {
    entered = ::setns(fd.get(), CLONE_NEWNET) == 0;
    if (entered) work();
  });
  thread.join();
  if (!entered)
    return Error{ErrorCode::kDenied, "", "", "cannot enter the network namespace " + netns,
                 "run as root"};
  return ok();
}

std::optional<Echo> echo(const net::Address& to, int ttl, uint16_t sequence,
                         std::chrono::milliseconds patience) {
  static std::atomic<uint16_t> next_identifier{0x4653};
  const UniqueFd fd(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
  if (!fd.valid()) return std::nullopt;
  ::setsockopt(fd.get(), IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
  struct {
    icmphdr header{};
    std::array<uint8_t, 48> payload{};
  } request;
  request.header.type = ICMP_ECHO;
  request.header.un.echo.id = htons(next_identifier++);
  request.header.un.echo.sequence = htons(sequence);
  request.header.checksum = internet_checksum(&request, sizeof request);
  const auto address = socket_address(to, 0);
  const auto sent_at = Clock::now();
  if (::sendto(fd.get(), &request, sizeof request, 0, reinterpret_cast<const sockaddr*>(&address),
               sizeof address) < 0)
    return std::nullopt;

  while (await(fd.get(), POLLIN, sent_at + patience)) {
    uint8_t packet[2048];
    sockaddr_in from{};
    socklen_t from_length = sizeof from;
    const ssize_t n = ::recvfrom(fd.get(), packet, sizeof packet, 0,
                                 reinterpret_cast<sockaddr*>(&from), &from_length);
    const auto received_at = Clock::now();
    if (n < static_cast<ssize_t>(sizeof(iphdr))) continue;
    const size_t ip_length = static_cast<size_t>(packet[0] & 15) * 4;
    if (static_cast<size_t>(n) < ip_length) continue;
    bool is_reply = false;
    if (!is_about(packet + ip_length, static_cast<size_t>(n) - ip_length, request.header.un.echo.id,
                  request.header.un.echo.sequence, is_reply))
      continue;
    return Echo{net::Address::v4(ntohl(from.sin_addr.s_addr)), is_reply,
                std::chrono::duration<double, std::milli>(received_at - sent_at).count()};
  }
  return std::nullopt;
}

bool http_get(const net::Address& to, uint16_t port, std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto address = socket_address(to, port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EINPROGRESS || !await(fd.get(), POLLOUT, deadline)) return false;
    int failed = 0;
    socklen_t length = sizeof failed;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failed, &length);
    if (failed != 0) return false;
  }
  const std::string request = "GET / HTTP/1.0\r\nHost: " + to.text() + "\r\n\r\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    return false;
  std::string answer;
  while (answer.size() < 5 && await(fd.get(), POLLIN, deadline)) {
    char buffer[512];
    const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (n <= 0) break;
    answer.append(buffer, static_cast<size_t>(n));
  }
  return answer.rfind("HTTP/", 0) == 0;
}

}  // namespace farspan::lab
