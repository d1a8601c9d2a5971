// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "vineyard/base/extent.h"
#include "vineyard/base/result.h"
#include "vineyard/shm/layout.h"
#include "vineyard/shm/worker/extents.h"
#include "vineyard/shm/worker/holds.h"

namespace vineyard::shm {

/// What the worker knows about one arena beside its descriptor; recounted at a rebuild.
struct ArenaUse {
  std::uint32_t control = 0;  // of the writer that lists it, valid while `listed`
  std::uint32_t list_number = 0;
  std::uint64_t entries = 0;  // entries whose bytes are in it
  std::uint64_t bytes = 0;    // sum of their extents
  std::uint64_t size = 0;
  bool listed = false;
  bool retired = false;  // announced in the region's ring of retired arenas
  bool is_home = false;
};

/// A run of the worker's own memory and the name it is freed by.
struct HomeExtent {
  Place place;
  ExtentAllocator::Handle handle = ExtentAllocator::kNone;
};

/// All arenas: who lists them, what lies in them, the worker's own among them, and the budget of the pool.
///
/// Owner:   the worker.
/// Threads: the worker's loop only.
/// Always:  `entries` of an arena is the number of entries that name it; a listed arena's count also stands in its
///          writer's control block, never lower than it really is.
class Arenas {
 public:
  Arenas(Region& region, Holds& holds, std::uint64_t pool_bytes);

  // ---- the budget
  [[nodiscard]] std::uint64_t pool_bytes() const { return pool_bytes_; }
  /// Bytes of all arenas, until nobody maps them any more.
  [[nodiscard]] std::uint64_t used_bytes() const { return used_bytes_; }
  [[nodiscard]] std::uint64_t full_arena_bytes() const { return full_arena_; }

  // ---- clients' arenas
  /// Makes an arena for `owner` (0: a spare), held but neither listed nor sealed yet.
  /// Errors: full (the pool), and what the kernel says.
  Result<std::uint32_t> create(std::uint64_t size, std::uint64_t owner, std::uint64_t request);
  /// Gives a spare to a client.
  Result<void> assign(std::uint32_t arena, std::uint64_t owner, std::uint64_t request);
  /// Forgets a spare that nobody ever had.
  void drop_spare(std::uint32_t arena);
  /// Listed first, then sealed (R15). Idempotent.
  Result<std::uint32_t> list_and_seal(std::uint32_t arena, std::uint32_t control);
  /// Takes a number off a writer's list; the caller has harvested the writer (R9).
  void unlist(std::uint32_t control, std::uint32_t list_number);
  void unlist_all(std::uint32_t control);
  /// R15: where a record's bytes are, if its writer may say so.
  [[nodiscard]] std::optional<Place> confined(std::uint32_t control, std::uint64_t place,
                                              std::uint64_t size) const;
  /// Neither listed nor just being handed over: nobody will write into it any more.
  [[nodiscard]] bool orphaned(std::uint32_t arena) const;

  // ---- entries come and go
  void entered(Extent extent);
  void left(Extent extent);
  [[nodiscard]] const ArenaUse* use(std::uint32_t arena) const;
  [[nodiscard]] const std::unordered_map<std::uint32_t, ArenaUse>& all() const { return uses_; }
  /// The bytes at `extent`, read-only; nothing if there is no such arena or it is too short.
  [[nodiscard]] const std::byte* bytes(Extent extent);

  // ---- the worker's own memory
  /// How far the pool may be overshot: kWhileMoving by one full-grown arena, which the move is to empty.
  enum class Beyond : std::uint8_t { kNever, kWhileMoving, kIfNeeded };
  /// Room for `size` bytes. Errors: full (the pool, or more than the largest document), or what the kernel says.
  Result<HomeExtent> take_home(std::uint64_t size, Beyond beyond);
  [[nodiscard]] std::byte* home_bytes(Place place);
  void free_home(HomeExtent extent);
  [[nodiscard]] bool is_home(Place place) const;
  [[nodiscard]] std::uint64_t home_free_bytes() const;
  /// Free units of 64 B in one of the worker's arenas; 0 for any other.
  [[nodiscard]] std::uint64_t home_free_units(std::uint32_t arena) const;
  /// Bytes that are kept for documents of grants.
  [[nodiscard]] std::uint64_t reserved_home() const { return reserved_; }
  [[nodiscard]] std::uint64_t home_arena_bytes() const { return home_arena_; }
  /// How many bytes may move home: what is free there and not promised to documents, and what can still be added.
  [[nodiscard]] std::uint64_t room_for_moves() const;
  /// Reserves room at home for documents that grants promise; false: there is none.
  bool reserve_home(std::uint64_t bytes);
  void unreserve_home(std::uint64_t bytes) { reserved_ -= bytes < reserved_ ? bytes : reserved_; }

  // ---- the end of arenas
  /// Announces that an arena goes; readers unmap it.
  void announce_retired(std::uint32_t arena);
  /// Drops empty arenas that nobody writes and nobody maps. Returns the bytes given back.
  std::uint64_t sweep();

  // ---- a worker begins with what it finds
  void begin_rebuild();
  struct Found {
    Extent extent;
    std::uint32_t owner_tag;  // handed back with the handle
  };
  /// Takes over the extents at home: `found` in any order; calls `set_handle(owner_tag, handle)` for each.
  /// Returns how many overlapped or lay outside (a broken invariant).
  std::uint64_t rebuild_home(
      std::vector<Found> found,
      const std::function<void(std::uint32_t, ExtentAllocator::Handle)>& set_handle);
  /// Writes the recounted numbers into the control blocks.
  void finish_rebuild();

  [[nodiscard]] std::optional<std::string> check_consistency();

 private:
  Result<std::uint32_t> create_home(std::uint64_t size);
  Result<std::uint32_t> next_number();
  [[nodiscard]] ExtentAllocator* extents(std::uint32_t arena);
  void publish_count(const ArenaUse& use);

  Region& region_;
  Holds& holds_;
  std::uint64_t pool_bytes_;
  std::uint64_t full_arena_;
  std::uint64_t home_arena_;
  std::uint64_t used_bytes_ = 0;
  std::uint64_t reserved_ = 0;
  std::uint32_t last_home_ = 0;
  std::unordered_map<std::uint32_t, ArenaUse> uses_;
  std::unordered_map<std::uint32_t, ExtentAllocator> homes_;
};

}  // namespace vineyard::shm
