// SPDX-License-Identifier: Apache-2.0
// Any bytes as a delta from the wire or from the disk: refused by name, or a delta that obeys the
// laws of delta.h.
#include <cstdint>
#include <string_view>

#include "farspan/base/check.h"
#include "farspan/nodestate/wire/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t length) {
  using namespace farspan::nodestate;
  auto delta = wire::parse({reinterpret_cast<const char*>(bytes), length});
  if (!delta) {
    FS_CHECK(!delta.error().text().empty());
    return 0;
  }
  auto again = wire::parse(wire::serialize(*delta));
  FS_CHECK(again.ok() && *again == *delta);

  NodeState before;
  before.node = delta->node;
  before.generation = delta->from_generation;
  auto after = apply(before, *delta);
  FS_CHECK(after.ok());
  FS_CHECK(diff(*after, *after).empty());
  auto snapshotted = apply(before, snapshot(*after));
  FS_CHECK(snapshotted.ok() && *snapshotted == *after);
  return 0;
}
