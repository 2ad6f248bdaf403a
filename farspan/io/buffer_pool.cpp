// SPDX-License-Identifier: Apache-2.0
#include "farspan/io/buffer_pool.h"

#include "farspan/base/check.h"

namespace farspan::io {

BufferPool::BufferPool(Limits limits) {
  fill(small_, limits.small, Buffer::kSmall);
  fill(large_, limits.large, Buffer::kLarge);
}

BufferPool::~BufferPool() { FS_CHECK(small_.free == small_.count && large_.free == large_.count); }

// From the last to the first, so that the first are taken first.
void BufferPool::fill(Size& size, uint32_t count, uint32_t bytes_each) {
  size.count = count;
  size.heads = std::make_unique<Buffer::Head[]>(count);
  size.bytes = std::make_unique_for_overwrite<uint8_t[]>(size_t{count} * bytes_each);
  for (uint32_t i = count; i-- > 0;) {
    Buffer::Head& head = size.heads[i];
    head = {size.bytes.get() + size_t{i} * bytes_each, nullptr, &size.first, &size.free, 0};
    Buffer::go_home(&head);
  }
}

}  // namespace farspan::io
