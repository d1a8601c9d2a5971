// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>

#include "vineyard/base/extent.h"
#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/shm/entry.h"
#include "vineyard/shm/layout.h"

namespace vineyard::shm {

/// Which id blocks this instance may use; refilled from the catalog.
///
/// Owner:   the worker's composition.
/// Threads: the worker's loop only.
/// Always:  a block is stored as taken before it is returned, so it is never returned twice.
class BlockSource {
 public:
  virtual ~BlockSource() = default;
  /// Errors: unavailable (the catalog cannot be reached), full (no block is left).
  virtual Result<BlockId> take_block() = 0;
};

/// The worker's hand on the index: states, ids, and which entries are free.
///
/// Owner:   the worker.
/// Threads: the worker's loop only.
/// Always:  an id is leased at most once; entries are reused oldest first, and only when more than
///          `limits::kFreeEntriesKept` are free.
class Entries {
 public:
  Entries(Region& region, BlockSource& blocks) : region_(region), blocks_(blocks) {}

  /// Makes sure that there is a current id block and a spare one.
  Result<void> prepare();

  [[nodiscard]] std::uint32_t touched() const {
    return static_cast<std::uint32_t>(
        region_.header.entries_touched.load(std::memory_order_relaxed));
  }
  [[nodiscard]] Entry& at(EntryIndex i) { return region_.entries[i.value]; }
  [[nodiscard]] const Entry& at(EntryIndex i) const { return region_.entries[i.value]; }
  [[nodiscard]] std::uint64_t word(EntryIndex i) const {
    return at(i).word.load(std::memory_order_relaxed);
  }
  [[nodiscard]] State state(EntryIndex i) const { return state_of(word(i)); }
  [[nodiscard]] ObjectId id(EntryIndex i) const { return id_of(i, word(i)); }
  [[nodiscard]] Extent extent(EntryIndex i) const {
    return {Place(at(i).place.load(std::memory_order_relaxed)),
            at(i).size.load(std::memory_order_relaxed)};
  }
  /// The entry that `id` names now, in whatever state but free; nothing for ids that are over or never were.
  [[nodiscard]] bool holds(ObjectId id) const;

  /// Lends the next free entry (R10: leased first, shown by the caller after).
  /// Errors: full (entries or ids are used up).
  Result<ObjectId> lease(std::uint64_t lease_word);
  /// Lends an entry without a ring position: its lease word is 0, its size names the client (details: detached ids).
  Result<ObjectId> lease_detached(std::uint64_t serial);
  /// The client that holds `i` as a detached lease; 0 if it is none.
  [[nodiscard]] std::uint64_t detached_owner(EntryIndex i) const;

  /// Place and size first, then the state with release: whoever sees live sees both. Since when it is live takes the
  /// place of the lease, and comes last: a successor needs the lease of what is not live yet.
  void make_live(ObjectId id, Extent extent);
  /// After a worker's death: says since when `i` is live if the predecessor did not come to it.
  void note_since(EntryIndex i);
  void set(EntryIndex i, State state);
  /// The object goes as soon as nobody refers to it (shm/entry.h).
  void doom(EntryIndex i);
  [[nodiscard]] bool is_doomed(EntryIndex i) const { return (word(i) & kDoomed) != 0; }
  /// Next generation and free, in one store.
  void free(EntryIndex i);
  /// Recounts the free entries after a worker's death.
  void note_free(EntryIndex i) { unused_.push_back(i.value); }

  [[nodiscard]] std::uint64_t free_count() const { return unused_.size(); }

 private:
  Result<EntryIndex> take_free();

  Region& region_;
  BlockSource& blocks_;
  std::deque<std::uint32_t> unused_;
};

}  // namespace vineyard::shm
