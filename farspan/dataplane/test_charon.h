// SPDX-License-Identifier: Apache-2.0
// Charon: for tests, charon's end of sad.sock.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <vector>

#include "farspan/base/check.h"
#include "farspan/base/message_socket.h"
#include "farspan/dataplane/ipsec/test_messages.h"

namespace farspan::ipsec {

inline constexpr uint64_t kInstance = 1234;
inline constexpr int kPatienceMs = 5000;

inline std::string event_text(const fs_sad_event& event, uint16_t type) {
  const std::string spi =
      (event.id.is_inbound ? "in " : "out ") + std::to_string(wire(event.id.spi));
  if (type == FS_SAD_MAPPING) return spi + " moved to port " + std::to_string(event.remote.port);
  return spi + (event.is_hard ? " hard" : " soft");
}

class Charon {
 public:
  explicit Charon(const std::string& path) : fd_(*connect_unix(path, SOCK_SEQPACKET)) {}

  /// The reply's status; events that come before it are kept.
  uint32_t ask(const std::string& message) {
    FS_CHECK(::send(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL) ==
             static_cast<ssize_t>(message.size()));
    for (;;) {
      const std::string answer = receive();
      if (answer.empty()) return UINT32_MAX;
      if (type_of(answer) != FS_SAD_REPLY) {
        keep(answer);
        continue;
      }
      fs_sad_reply reply;
      std::memcpy(&reply, answer.data() + sizeof(fs_sad_header), sizeof reply);
      return reply.status;
    }
  }
  uint32_t hello(uint64_t instance = kInstance) {
    return ask(request(FS_SAD_HELLO, fs_sad_hello{FS_SAD_VERSION, instance}));
  }
  uint32_t synced() { return ask(request(FS_SAD_SYNCED)); }
  uint32_t add(const fs_sad_sa& sa) {
    return ask(request(FS_SAD_ADD_SA, sa, any_address(), any_address()));
  }

  /// The events that were sent before now: another answer closes them.
  std::vector<std::string> heard() {
    EXPECT_EQ(ask(request(FS_SAD_QUERY_SA, gcm_sa(true, 0xcfffffff).id)), FS_SAD_NOT_FOUND);
    return std::move(heard_);
  }
  /// Waits for one event.
  std::string next() {
    if (heard_.empty()) keep(receive());
    FS_CHECK(!heard_.empty());
    std::string first = heard_.front();
    heard_.erase(heard_.begin());
    return first;
  }
  /// Messages that lie in our socket, unread.
  bool has_input() const {
    pollfd input{fd_.get(), POLLIN, 0};
    return ::poll(&input, 1, kPatienceMs) == 1;
  }

 private:
  static uint16_t type_of(const std::string& message) {
    fs_sad_header header;
    std::memcpy(&header, message.data(), sizeof header);
    return header.type;
  }
  std::string receive() {
    if (!has_input()) return {};
    std::string message(FS_SAD_MAX_MESSAGE, '\0');
    const ssize_t length = ::recv(fd_.get(), message.data(), message.size(), 0);
    message.resize(length > 0 ? static_cast<size_t>(length) : 0);
    return message;
  }
  void keep(const std::string& message) {
    if (message.empty()) return;
    if (type_of(message) == FS_SAD_ACQUIRE) {
      fs_sad_acquire wish;
      std::memcpy(&wish, message.data() + sizeof(fs_sad_header), sizeof wish);
      heard_.push_back("acquire of reqid " + std::to_string(wish.reqid) + " to port " +
                       std::to_string(wish.destination.port_low));
      return;
    }
    fs_sad_event event;
    std::memcpy(&event, message.data() + sizeof(fs_sad_header), sizeof event);
    heard_.push_back(event_text(event, type_of(message)));
  }

  UniqueFd fd_;
  std::vector<std::string> heard_;
};

}  // namespace farspan::ipsec
