// SPDX-License-Identifier: Apache-2.0
// fuzz_sad_protocol: a whole sad.sock session of arbitrary messages, with the worker's questions in
// between.
//
// Input: messages, each a 2-byte length and its bytes. The header's length is made right except
// when the message's first byte is odd, so that most messages get to what lies behind it. HELLO has
// been said.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "farspan/dataplane/ipsec/sad_session.h"
#include "farspan/dataplane/ipsec/test_sas.h"
#include "farspan/ike/protocol.h"

namespace farspan::ipsec {
namespace {

void check(bool claim) {
  if (!claim) std::abort();
}

struct Node {
  TemporaryFile file;
  std::unique_ptr<SequenceArena> arena = *SequenceArena::open(file.path(), 16);
  std::unique_ptr<crypto::Context> context = *crypto::Context::create();
};

void say_hello(SadSession& session) {
  struct {
    fs_sad_header header{FS_SAD_HELLO, sizeof(fs_sad_header) + sizeof(fs_sad_hello), 1};
    uint8_t hello[sizeof(fs_sad_hello)];
  } message;
  const fs_sad_hello hello{FS_SAD_VERSION, 1};
  std::memcpy(message.hello, &hello, sizeof hello);
  (void)session.receive({reinterpret_cast<const uint8_t*>(&message), sizeof message}, 1);
  check(session.is_greeted());
}

void say(SadSession& session, Sad& sad, std::vector<uint8_t> message, uint64_t now) {
  if (message.size() >= sizeof(fs_sad_header) && message[0] % 2 == 0) {
    const auto length = static_cast<uint16_t>(message.size());
    std::memcpy(message.data() + offsetof(fs_sad_header, length), &length, sizeof length);
    message[0] = static_cast<uint8_t>(message[0] / 2 % 14);
    message[1] = 0;
  }
  const SadSession::Answer answer = session.receive(message, now);
  check(answer.reply.empty() == (message.size() < sizeof(fs_sad_header)));
  for (const Sad::Row& row : sad.rows()) {
    if (row.name.is_inbound) check(sad.view().inbound(row.name.spi) != nullptr);
    (void)sad.view().select(row.name.tunnel, {1, 2, 3, 4, 6});
  }
}

}  // namespace
}  // namespace farspan::ipsec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace farspan::ipsec;
  static Node node;
  uint64_t now = 1;
  {
    Sad sad(*node.arena, *node.context);
    SadSession session(sad);
    say_hello(session);
    sad.synced(now);
    while (size >= 2) {
      const size_t length = std::min<size_t>(data[0] | size_t{data[1]} << 8, size - 2);
      say(session, sad, {data + 2, data + 2 + length}, now);
      data += 2 + length;
      size -= 2 + length;
      now += 7;
      (void)sad.tick(now);
    }
    sad.flush_sas();
  }
  check(node.arena->used_slots() == 0);  // nothing an SA held outlives it
  return 0;
}
