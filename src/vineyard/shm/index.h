// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "vineyard/base/extent.h"
#include "vineyard/base/ids.h"
#include "vineyard/os/membarrier.h"
#include "vineyard/shm/entry.h"
#include "vineyard/shm/layout.h"

namespace vineyard::shm {

/// A reader's eye on the index: from an id straight to its entry.
///
/// Owner:   the client's Context; borrows the mapped region.
/// Threads: any number at once.
/// Always:  never touches an entry at or beyond the region's high-water mark (that would allocate
///          it).
class IndexReader {
 public:
  explicit IndexReader(const Region& region) : region_(region) {}

  /// The entry that `id` would be in; null when no entry was ever used there: ask the worker.
  [[nodiscard]] const Entry* find(ObjectId id) const {
    const std::uint32_t index = id.index().value;
    if (index >= known_.load(std::memory_order_relaxed)) {
      // Acquire: partner of the worker's store after it first wrote the entries below the mark.
      const auto touched = static_cast<std::uint32_t>(
          region_.header.entries_touched.load(std::memory_order_acquire));
      known_.store(touched < limits::kEntries ? touched : limits::kEntries,
                   std::memory_order_relaxed);
      if (index >= known_.load(std::memory_order_relaxed)) return nullptr;
    }
    return &region_.entries[index];
  }
  [[nodiscard]] const Region& region() const { return region_; }
  [[nodiscard]] const RegionHeader& header() const { return region_.header; }

 private:
  const Region& region_;
  mutable std::atomic<std::uint32_t> known_{0};
};

/// The control word. Acquire: partner of the worker's release store after place and size
/// (Entries::make_live), and of the switch of a place (mover).
[[nodiscard]] inline std::uint64_t load_word(const Entry& entry) {
  return entry.word.load(std::memory_order_acquire);
}

/// R9: whether the entry still says what it said, after bytes were copied that it vouches for. The
/// fence keeps the copies before the look.
[[nodiscard]] inline bool still_says(const Entry& entry, std::uint64_t word) {
  os::copies_before_look();
  return entry.word.load(std::memory_order_relaxed) == word;
}

/// Place and size of an entry that was seen live under a pin.
[[nodiscard]] inline Extent load_extent(const Entry& entry) {
  return {Place(entry.place.load(std::memory_order_relaxed)),
          entry.size.load(std::memory_order_relaxed)};
}

/// Whose record stands for a leased entry.
struct Lease {
  std::uint64_t serial = 0;    // of the writer; 0: a detached id, which is published by message
  std::uint32_t position = 0;  // modulo 2^32
};
[[nodiscard]] inline Lease load_lease(const Entry& entry) {
  const std::uint64_t bits = entry.lease.load(std::memory_order_relaxed);
  return {bits >> 32, static_cast<std::uint32_t>(bits)};
}

/// Milliseconds since 1970 at which a live entry became so; 0: its worker is just about to say it.
[[nodiscard]] inline std::uint64_t load_since(const Entry& entry) {
  const std::uint64_t bits = entry.lease.load(std::memory_order_relaxed);
  return (bits & kSince) != 0 ? bits & ~kSince : 0;
}

}  // namespace vineyard::shm
