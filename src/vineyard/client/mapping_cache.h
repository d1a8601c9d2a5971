// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "vineyard/base/extent.h"
#include "vineyard/base/ids.h"
#include "vineyard/base/limits.h"
#include "vineyard/base/result.h"
#include "vineyard/client/pins.h"
#include "vineyard/os/mapped_region.h"

namespace vineyard::client {

/// Names a mapping. Numbers of arenas and outboxes are never used again within a region, so a key
/// has one meaning.
struct MappingKey {
  std::uint64_t value = 0;
  static constexpr MappingKey arena(ArenaId arena) { return {arena.value}; }
  static constexpr MappingKey outbox(std::uint64_t serial) {
    return {serial | (std::uint64_t{1} << 63)};
  }
  [[nodiscard]] constexpr bool is_outbox() const { return value >> 63 != 0; }
  /// Of the arena, or the serial of the outbox.
  [[nodiscard]] constexpr std::uint64_t number() const { return value & ~(std::uint64_t{1} << 63); }
  constexpr bool operator==(const MappingKey&) const = default;
};

/// Memory of others that is mapped here, read-only.
struct Mapping {
  const std::byte* data = nullptr;
  std::uint64_t size = 0;
  std::uint32_t control = 0;  // of the owner, for an outbox
};

/// The read-only mappings of one context, found without a lock. There is no count per get: whoever
/// wants to unmap hides the mapping, passes a private barrier, and looks whether a slot uses it
/// (details: threads, forks, instances).
///
/// What is mapped without a pin is bounded, since its memory cannot be given back while it is mapped.
/// The bound follows what is read: a mapping that is missed after it had to go raises it by its
/// size, one that the instance retired lowers it again.
///
/// Owner:   the Context.
/// Threads: `find` any number at once, after `Pins::use_mapping`; everything else takes the lock.
/// Always:  a mapping that `find` returned stays while the slot says that it is used. A cell is
///          used for another mapping only when no slot used the one before.
class MappingCache {
 public:
  static constexpr std::uint32_t kCells = limits::kMappings * 2;

  /// `least_kept`: how many bytes may stay mapped without a pin in any case.
  static Result<std::unique_ptr<MappingCache>> create(Pins& pins, std::uint64_t least_kept);

  /// The mapping, or nothing with a null pointer. The caller's slot names the key already.
  [[nodiscard]] Mapping find(MappingKey key) const noexcept {
    for (std::uint32_t i = start(key), n = 0; n < kCells; i = (i + 1) % kCells, ++n) {
      const Cell& cell = cells_[i];
      // Acquire: partner of the insertion's release store after data and size.
      const std::uint64_t k = cell.key.load(std::memory_order_acquire);
      if (k == key.value) return read(cell);
      if (k == 0) break;
    }
    return {};
  }

  /// Adds a mapping; when another thread was faster, gives that one and drops `region`. The
  /// caller's slot names the key.
  /// Errors: full (too many mappings in use).
  [[nodiscard]] Result<Mapping> insert(MappingKey key, os::MappedRegion region,
                                       std::uint32_t control);
  /// The same look as `find`, but not while a mapping is hidden for a moment.
  [[nodiscard]] Mapping find_settled(MappingKey key);

  /// Where an address lies in an arena that is mapped here; nothing if it does not.
  [[nodiscard]] std::optional<Place> place_of(const void* address) const;

  /// Unmaps what nobody here uses and `unwanted(key, control)` names: retired arenas, outboxes of
  /// clients that ended. What is in use is tried again with the next call.
  template <class Unwanted>
  void drop(Unwanted&& unwanted) {
    const std::lock_guard lock(mutex_);
    for (const Entry& e : entries_) {
      if (unwanted(e.key, cells_[e.cell].control.load(std::memory_order_relaxed)))
        pending_.insert(e.key.value);
    }
    const std::uint64_t before = bytes_;
    pending_ = unmap_unused(std::move(pending_));
    bytes_kept_ -= std::min(before - bytes_, bytes_kept_ - least_kept_);
  }
  /// Unmaps everything that nobody here uses.
  void drop_all_unused() {
    drop([](MappingKey, std::uint32_t) { return true; });
  }

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct Cell {
    std::atomic<std::uint64_t> key;  // 0: never used, kGone: free again
    std::atomic<const std::byte*> data;
    std::atomic<std::uint64_t> size;
    std::atomic<std::uint32_t> control;
  };
  static_assert(sizeof(Cell) == 32);
  struct Entry {
    MappingKey key;
    std::uint32_t cell;
    os::MappedRegion region;
  };
  static constexpr std::uint64_t kGone = ~std::uint64_t{0};

  MappingCache(Pins& pins, os::MappedRegion cells, std::uint64_t least_kept)
      : pins_(pins),
        memory_(std::move(cells)),
        cells_(memory_.as<Cell>()),
        least_kept_(least_kept),
        bytes_kept_(least_kept) {}
  static std::uint32_t start(MappingKey key) {
    // The upper half of the product, scaled to the cells: no division.
    return static_cast<std::uint32_t>((((key.value * 0x9e3779b97f4a7c15ULL) >> 32) * kCells) >> 32);
  }
  static Mapping read(const Cell& cell) {
    return {cell.data.load(std::memory_order_relaxed), cell.size.load(std::memory_order_relaxed),
            cell.control.load(std::memory_order_relaxed)};
  }
  /// Returns those of `keys` that are in use.
  std::unordered_set<std::uint64_t> unmap_unused(std::unordered_set<std::uint64_t> keys);
  void make_room(std::uint64_t bytes);
  void free_cell_at(std::uint32_t at);
  [[nodiscard]] std::uint32_t free_cell(MappingKey key) const;

  Pins& pins_;
  os::MappedRegion memory_;
  Cell* cells_;
  const std::uint64_t least_kept_;
  mutable std::mutex mutex_;                   // for what follows, and for writing cells
  std::deque<Entry> entries_;                  // oldest first
  std::unordered_set<std::uint64_t> pending_;  // keys to be unmapped once nobody uses them
  std::unordered_set<std::uint64_t> evicted_;  // keys that had to go although nobody retired them
  std::uint64_t bytes_kept_;                   // the bound, at least least_kept_
  std::uint64_t bytes_ = 0;
};

}  // namespace vineyard::client
