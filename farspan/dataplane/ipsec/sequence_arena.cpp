// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/sequence_arena.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "farspan/base/check.h"

namespace farspan::ipsec {
namespace {

constexpr uint64_t kMagic = 0x3230'5145'5350'4146;  // "FAPSEQ02", little-endian
constexpr uint64_t kAnyLayout = 0xffff'ffff'ffff;   // of the magic: what all layouts have
constexpr uint32_t kUsed = 1;

Error refuse(ErrorCode code, const std::string& path, std::string what, std::string remedy) {
  return Error{code, "sequence arena", path, std::move(what), std::move(remedy)};
}

// Keeps stores in the order they are written in; against kill -9 that is all it takes, for no other
// processor reads the arena.
void keep_order() { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace

struct SequenceArena::Header {
  uint64_t magic;
  uint32_t slot_length;
  uint32_t slots;
};

Result<std::unique_ptr<SequenceArena>> SequenceArena::open(const std::string& path,
                                                           uint32_t slots) {
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid())
    return refuse(ErrorCode::kUnavailable, path, std::strerror(errno), "check the run directory");
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    return refuse(ErrorCode::kConflict, path, "another data plane uses it", "stop that one first");
  }
  const size_t length = kHeaderLength + size_t{slots} * (sizeof(Slot) + sizeof(Block));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0)
    return refuse(ErrorCode::kUnavailable, path, std::strerror(errno), "check the run directory");
  Header header{};
  if (::pread(file.get(), &header, sizeof header, 0) < 0)
    return refuse(ErrorCode::kUnavailable, path, std::strerror(errno), "check the run directory");
  const bool is_new = header.magic == 0 && status.st_size <= off_t(length);
  const bool is_ours = header.magic == kMagic && header.slot_length == sizeof(Slot) &&
                       header.slots == slots && status.st_size == off_t(length);
  const bool is_replaced = !is_new && !is_ours;
  if (is_replaced) {
    if ((header.magic & kAnyLayout) != (kMagic & kAnyLayout))
      return refuse(ErrorCode::kInvalid, path, "is no sequence arena",
                    "give another --run-dir, or remove it");
    if (::ftruncate(file.get(), 0) != 0)
      return refuse(ErrorCode::kUnavailable, path, std::strerror(errno), "check the run directory");
  }
  if (const int error = ::posix_fallocate(file.get(), 0, off_t(length)); error != 0) {
    return refuse(ErrorCode::kUnavailable, path,
                  "no memory for " + std::to_string(length / 1024) +
                      " KiB of sequence numbers: " + std::strerror(error),
                  "make room in the run directory");
  }
  void* map = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (map == MAP_FAILED)
    return refuse(ErrorCode::kUnavailable, path, std::strerror(errno), "free some memory");

  std::unique_ptr<SequenceArena> arena(new SequenceArena(std::move(file), map, length, slots));
  arena->is_replaced_ = is_replaced;
  if (!is_ours) write_header(*static_cast<Header*>(map), slots);
  arena->index_slots();
  return arena;
}

// The magic last: a header without is a file whose maker died before any slot was used.
void SequenceArena::write_header(Header& header, uint32_t slots) {
  header.slot_length = sizeof(Slot);
  header.slots = slots;
  keep_order();
  header.magic = kMagic;
}

SequenceArena::SequenceArena(UniqueFd file, void* map, size_t length, uint32_t slots)
    : file_(std::move(file)),
      map_(map),
      length_(length),
      slots_(reinterpret_cast<Slot*>(static_cast<char*>(map) + kHeaderLength), slots),
      blocks_(reinterpret_cast<Block*>(slots_.data() + slots), slots) {
  static_assert(sizeof(Header) <= kHeaderLength && kHeaderLength % alignof(Slot) == 0);
  static_assert(std::is_trivially_copyable_v<Slot>);
}

SequenceArena::~SequenceArena() { ::munmap(map_, length_); }

// A slot whose blocks cannot be is none: its SA is made anew.
void SequenceArena::index_slots() {
  free_blocks_.emplace(0, static_cast<uint32_t>(blocks_.size()));
  for (uint32_t i = static_cast<uint32_t>(slots_.size()); i-- > 0;) {
    const Slot& slot = slots_[i];
    const Identity identity{slot.is_inbound != 0, slot.spi, slot.fingerprint};
    if (slot.state != kUsed || by_identity_.contains(identity) || !take_blocks(slot)) {
      free_.push_back(i);
    } else {
      by_identity_.emplace(identity, Use{i, false});
    }
  }
}

// Takes those the file says a slot has; false when they are not free, or not there.
bool SequenceArena::take_blocks(const Slot& slot) {
  if (slot.is_inbound == 0) return true;
  if (slot.window < ReplayWindow::kLeast || slot.window > ReplayWindow::kMost) return false;
  const uint32_t count = blocks_for(slot.window);
  auto run = free_blocks_.upper_bound(slot.first_block);
  if (run == free_blocks_.begin()) return false;
  --run;
  const auto [first, length] = *run;
  const uint32_t before = slot.first_block - first;
  if (before + count > length) return false;
  free_blocks_.erase(run);
  if (before > 0) free_blocks_.emplace(first, before);
  if (before + count < length)
    free_blocks_.emplace(slot.first_block + count, length - before - count);
  return true;
}

std::optional<uint32_t> SequenceArena::take_blocks(uint32_t count) {
  for (const auto& [first, length] : free_blocks_) {
    if (length < count) continue;
    const uint32_t taken = first, rest = length - count;
    free_blocks_.erase(taken);
    if (rest > 0) free_blocks_.emplace(taken + count, rest);
    return taken;
  }
  return std::nullopt;
}

// Joins them to the free ones beside them.
void SequenceArena::free_blocks(const Slot& slot) {
  if (slot.is_inbound == 0) return;
  uint32_t first = slot.first_block, count = blocks_for(slot.window);
  auto next = free_blocks_.upper_bound(first);
  if (next != free_blocks_.end() && next->first == first + count) {
    count += next->second;
    next = free_blocks_.erase(next);
  }
  if (next != free_blocks_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == first) {
      before->second += count;
      return;
    }
  }
  free_blocks_.emplace(first, count);
}

Result<SequenceArena::Slot*> SequenceArena::claim(bool is_inbound, uint32_t spi,
                                                  const KeyFingerprint& fingerprint,
                                                  uint32_t window) {
  const Identity identity{is_inbound, spi, fingerprint};
  if (const auto known = by_identity_.find(identity); known != by_identity_.end()) {
    if (known->second.is_claimed) {
      return Error{ErrorCode::kConflict, "sequence arena", "spi", "these keys are in use", ""};
    }
    known->second.is_claimed = true;
    return &slots_[known->second.index];
  }
  if (free_.empty()) {
    return Error{ErrorCode::kUnavailable, "sequence arena", "slots",
                 "all " + std::to_string(slots_.size()) + " are taken", "delete SAs"};
  }
  const std::optional<uint32_t> block = is_inbound ? take_blocks(blocks_for(window)) : 0u;
  if (!block) {
    return Error{ErrorCode::kUnavailable, "sequence arena", "windows",
                 "no room for one of " + std::to_string(window), "use smaller replay windows"};
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  Slot& slot = slots_[index];
  slot = Slot{0, spi, is_inbound, is_inbound ? window : 0, *block, fingerprint, 0};
  if (is_inbound) std::fill_n(ring_of(slot), ReplayWindow::words_for(window), 0);
  keep_order();
  slot.state = kUsed;
  by_identity_.emplace(identity, Use{index, true});
  return &slot;
}

void SequenceArena::release(Slot* slot) {
  const auto use = by_identity_.find({slot->is_inbound != 0, slot->spi, slot->fingerprint});
  FS_CHECK(use != by_identity_.end() && &slots_[use->second.index] == slot);
  free_.push_back(use->second.index);
  by_identity_.erase(use);
  slot->state = 0;
  keep_order();
  free_blocks(*slot);
  *slot = Slot{};
}

void SequenceArena::release_unclaimed() {
  for (auto use = by_identity_.begin(); use != by_identity_.end();) {
    const auto next = std::next(use);
    if (!use->second.is_claimed) release(&slots_[use->second.index]);
    use = next;
  }
}

}  // namespace farspan::ipsec
