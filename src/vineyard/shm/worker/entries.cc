// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/entries.h"

#include "vineyard/base/failpoint.h"
#include "vineyard/base/limits.h"
#include "vineyard/base/try.h"
#include "vineyard/os/huge_pages.h"
#include "vineyard/os/process.h"

namespace vineyard::shm {
namespace {
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kRelease = std::memory_order_release;
constexpr std::uint32_t kGenerations = 1U << ObjectId::kGenerationBits;
}  // namespace

Result<void> Entries::prepare() {
  RegionHeader& h = region_.header;
  if (h.current_block.load(kRelaxed) == 0) {
    VY_TRY(auto block, blocks_.take_block());
    h.current_block.store(block.value, kRelaxed);
  }
  if (h.next_block.load(kRelaxed) == 0) {
    VY_TRY(auto block, blocks_.take_block());
    h.next_block.store(block.value, kRelaxed);
  }
  return {};
}

bool Entries::holds(ObjectId id) const {
  const EntryIndex i = id.index();
  if (i.value >= touched()) return false;
  const std::uint64_t w = word(i);
  return matches(id, w) && state_of(w) != State::kFree;
}

Result<EntryIndex> Entries::take_free() {
  const std::uint32_t next = touched();
  if (unused_.size() > limits::kFreeEntriesKept || (next == limits::kEntries && !unused_.empty())) {
    const EntryIndex i{unused_.front()};
    unused_.pop_front();
    return i;
  }
  if (next == limits::kEntries) {
    return Error(ErrorCode::kFull,
                 "the index is full: all 16,777,216 entries are in use; delete objects");
  }
  const EntryIndex i{next};
  const BlockId block{static_cast<std::uint32_t>(region_.header.current_block.load(kRelaxed))};
  at(i).word.store(make_word(ObjectId::make(block, i, {0}), State::kFree), kRelaxed);
  // The first in a new piece of memory brings all of it in, as one page where the machine can: readers of random
  // entries then miss neither the TLB nor a page each.
  if (reinterpret_cast<std::uintptr_t>(&at(i)) % os::kHugePage == 0) os::make_huge_page(&at(i));
  // Release: a reader that sees the mark sees an initialised word (R10 of the high-water mark).
  region_.header.entries_touched.store(next + 1, kRelease);
  return i;
}

Result<ObjectId> Entries::lease(std::uint64_t lease_word) {
  VY_TRY(auto i, take_free());
  const ObjectId id = id_of(i, word(i));
  // Release: a reader that meets this lease under an older word finds, when it looks again, that the word has changed.
  at(i).lease.store(lease_word, kRelease);
  at(i).word.store(make_word(id, State::kLeased), kRelease);
  return id;
}

Result<ObjectId> Entries::lease_detached(std::uint64_t serial) {
  VY_TRY(auto i, take_free());
  const ObjectId id = id_of(i, word(i));
  at(i).lease.store(0, kRelaxed);
  at(i).size.store(serial, kRelaxed);
  at(i).word.store(make_word(id, State::kLeased), kRelease);
  return id;
}

std::uint64_t Entries::detached_owner(EntryIndex i) const {
  if (state(i) != State::kLeased || at(i).lease.load(kRelaxed) != 0) return 0;
  return at(i).size.load(kRelaxed);
}

void Entries::make_live(ObjectId id, Extent extent) {
  Entry& e = at(id.index());
  e.place.store(extent.place.bits, kRelaxed);
  e.size.store(extent.size, kRelaxed);
  e.word.store(make_word(id, State::kLive), kRelease);
  VY_FAILPOINT("live.before_since");
  note_since(id.index());
}

void Entries::note_since(EntryIndex i) {
  Entry& e = at(i);
  if ((e.lease.load(kRelaxed) & kSince) != 0) return;
  // Release: a reader that takes it for a lease finds, when it looks again, that the entry is live.
  e.lease.store(kSince | static_cast<std::uint64_t>(os::wall_clock_ms()), kRelease);
}

void Entries::set(EntryIndex i, State state) {
  at(i).word.store((word(i) & ~std::uint64_t{15}) | static_cast<std::uint64_t>(state), kRelease);
}

void Entries::doom(EntryIndex i) {
  at(i).word.store(word(i) | kDoomed, kRelease);
}

void Entries::free(EntryIndex i) {
  const ObjectId old = id(i).without_blob_bit();
  BlockId block = old.block();
  std::uint32_t generation = old.generation().value + 1;
  if (generation == kGenerations) {
    generation = 0;
    RegionHeader& h = region_.header;
    const std::uint64_t current = h.current_block.load(kRelaxed);
    if (block.value == current && h.next_block.load(kRelaxed) != 0) {
      // The first entry to finish the block moves everybody after it to the spare one.
      h.current_block.store(h.next_block.load(kRelaxed), kRelaxed);
      h.next_block.store(0, kRelaxed);
    }
    const std::uint64_t now = h.current_block.load(kRelaxed);
    if (block.value == now) {
      // No block to go to: the entry rests as free in no block, which no id matches, and is not lent again.
      at(i).word.store(make_word(ObjectId::make({0}, i, {0}), State::kFree), kRelease);
      return;
    }
    block.value = static_cast<std::uint32_t>(now);
  }
  at(i).word.store(make_word(ObjectId::make(block, i, {generation}), State::kFree), kRelease);
  unused_.push_back(i.value);
}

}  // namespace vineyard::shm
