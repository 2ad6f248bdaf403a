// SPDX-License-Identifier: Apache-2.0
// SequenceArena: sequence numbers and replay windows that outlive the data plane process.
//
// AES-GCM breaks when a sequence number is used twice under one key (RFC 4106 §2), and a replay
// window that starts empty lets old packets in again. Charon gives a restarted data plane the same
// keys back, so this state lives in a file on tmpfs that every process maps shared. A store is
// enough to make it last: the pages belong to the kernel and stay when the process is killed. (A
// reboot takes charon's keys along with the file.)
//
//   [header 64][slot 0][slot 1]…[block 0][block 1]…
//
//   slot    state, direction, SPI, fingerprint, last number; inbound: its window and first block
//   block   room for the ring of a usual window; larger windows take several in a row
//
// A slot is found by direction, SPI and fingerprint of the keys. The peer's address is not part of
// it: it moves under NAT and MOBIKE while the key stays, and the counter must stay with the key.
//
// Not here: what the numbers mean (outbound_sa.h, inbound_sa.h).
// Threads: claim, release by charon's thread; a slot's content belongs to the worker that owns
// the SA.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/base/unique_fd.h"
#include "farspan/dataplane/ipsec/replay_window.h"

namespace farspan::ipsec {

using KeyFingerprint = std::array<uint8_t, 16>;  // of suite, keys, SPI and direction; see sad.cpp

class SequenceArena {
 public:
  static constexpr uint32_t kSlots = 65536;

  /// As it lies in the file. `state` is written last when a slot is taken and first when it is
  /// emptied.
  struct alignas(64) Slot {
    uint32_t state;  // 0: empty
    uint32_t spi;
    uint32_t is_inbound;
    uint32_t window;       // packets; 0: outbound
    uint32_t first_block;  // of its ring
    KeyFingerprint fingerprint;
    uint64_t number;  // outbound: last used; inbound: newest let in
  };

  /// Makes or opens `path` (mode 0600), reserves the memory of all of it and locks it for this
  /// process. kUnavailable when there is no room: a page that is missing later would end us.
  /// kConflict when another process has it, kInvalid when it is no arena. One of another layout,
  /// which another version of Farspan left, is emptied: the SAs that charon still has are then
  /// unknown, as when the file was lost, and are made anew (FS_SAD_NUMBERS_LOST).
  static Result<std::unique_ptr<SequenceArena>> open(const std::string& path,
                                                     uint32_t slots = kSlots);
  ~SequenceArena();
  SequenceArena(const SequenceArena&) = delete;
  SequenceArena& operator=(const SequenceArena&) = delete;

  /// Whether there was one of another layout, whose numbers are lost.
  bool is_replaced() const { return is_replaced_; }

  /// Whether these keys have a slot, of this process or an earlier one.
  bool knows(bool is_inbound, uint32_t spi, const KeyFingerprint& fingerprint) const {
    return by_identity_.contains({is_inbound, spi, fingerprint});
  }

  /// The slot of these keys as an earlier process left it, its window included, or an empty one.
  /// Claiming twice is an error of ours. kUnavailable when every slot or block is taken.
  /// @param window  of an inbound SA, ReplayWindow::kLeast … kMost
  Result<Slot*> claim(bool is_inbound, uint32_t spi, const KeyFingerprint& fingerprint,
                      uint32_t window = ReplayWindow::kUsual);
  /// Empties the slot: its SA is gone for good and no worker uses it.
  void release(Slot* slot);
  /// Empties every slot that an earlier process left and nobody claimed: charon does not hold those
  /// SAs any more.
  void release_unclaimed();

  /// Last number used (outbound), to be raised before the packet leaves.
  static uint64_t& sent(Slot& slot) { return slot.number; }
  /// @pre inbound
  ReplayWindow window(Slot& slot) { return {slot.number, ring_of(slot), slot.window}; }

  size_t slots() const { return slots_.size(); }
  size_t used_slots() const { return by_identity_.size(); }

 private:
  struct Identity {
    bool is_inbound;
    uint32_t spi;
    KeyFingerprint fingerprint;
    auto operator<=>(const Identity&) const = default;
  };
  struct Header;
  static constexpr size_t kHeaderLength = 64;
  static constexpr uint32_t kBlockWords = ReplayWindow::words_for(ReplayWindow::kUsual);
  using Block = std::array<uint64_t, kBlockWords>;
  static constexpr uint32_t blocks_for(uint32_t window) {
    return (ReplayWindow::words_for(window) + kBlockWords - 1) / kBlockWords;
  }
  uint64_t* ring_of(const Slot& slot) { return blocks_[slot.first_block].data(); }
  bool take_blocks(const Slot& slot);
  std::optional<uint32_t> take_blocks(uint32_t count);
  void free_blocks(const Slot& slot);
  static void write_header(Header& header, uint32_t slots);
  void index_slots();
  SequenceArena(UniqueFd file, void* map, size_t length, uint32_t slots);

  UniqueFd file_;
  bool is_replaced_ = false;
  void* map_;
  size_t length_;
  std::span<Slot> slots_;
  std::span<Block> blocks_;  // as many as slots
  struct Use {
    uint32_t index;
    bool is_claimed;
  };
  std::map<Identity, Use> by_identity_;
  std::vector<uint32_t> free_;
  std::map<uint32_t, uint32_t> free_blocks_;  // first of a run: how many
};

/// The claim of one SA on its slot; emptied when the SA is deleted, kept when the process ends.
class SlotClaim {
 public:
  SlotClaim(SequenceArena& arena, SequenceArena::Slot* slot) : arena_(&arena), slot_(slot) {}
  SlotClaim(SlotClaim&& other) noexcept
      : arena_(other.arena_), slot_(std::exchange(other.slot_, nullptr)) {}
  SlotClaim& operator=(SlotClaim&&) = delete;
  /// Leaves the slot as it is unless forget() was called: a process that ends must not erase its
  /// numbers.
  ~SlotClaim() {
    if (slot_ != nullptr && is_forgotten_) arena_->release(slot_);
  }
  /// The SA was deleted: empty the slot when the last user of the SA is gone.
  void forget() { is_forgotten_ = true; }
  SequenceArena::Slot& slot() const { return *slot_; }
  ReplayWindow window() const { return arena_->window(*slot_); }

 private:
  SequenceArena* arena_;
  SequenceArena::Slot* slot_;
  bool is_forgotten_ = false;
};

}  // namespace farspan::ipsec
