// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "vineyard/base/ids.h"
#include "vineyard/shm/worker/arenas.h"
#include "vineyard/shm/worker/contents.h"
#include "vineyard/shm/worker/entries.h"
#include "vineyard/shm/worker/harvest.h"
#include "vineyard/shm/worker/holds.h"

namespace vineyard::shm {

/// What became of one object that was to be retired.
enum class Fate : std::uint8_t {
  kAbsent,     // it was not there
  kReclaimed,  // its bytes are free
  kDeleted,    // out of sight; its bytes wait for the last pin
  kKept,       // a live object refers to it
};

/// One object to be given another place: copied while it is live, switched only if nobody views it (R7).
struct Move {
  ObjectId id;
  HomeExtent to;
  std::uint64_t size = 0;
};

/// Numbers for status and metrics.
struct RetireCounts {
  std::uint64_t batches = 0;
  std::uint64_t reclaimed = 0;
  std::uint64_t deleted = 0;
  std::uint64_t kept = 0;
  std::uint64_t moved = 0;
};

/// Takes objects out of sight, reclaims or moves them: mark busy, barrier, scan pins, harvest, decide (R1, R2).
/// The steps carry the labels of the models in tests/model.
///
/// Owner:   the worker.
/// Threads: the worker's loop only.
/// Always:  bytes are reused only of an object that was busy during a scan which found no pin, and that no object in
///          the index refers to.
class Retirer {
 public:
  Retirer(Holds& holds, Entries& entries, Arenas& arenas, Harvester& harvester, Contents& contents)
      : holds_(holds),
        entries_(entries),
        arenas_(arenas),
        harvester_(harvester),
        contents_(contents) {}

  /// One batch: `ids` to retire, `moves` to make, all with one barrier and one scan. `own_pins`: what the worker pins
  /// for clients. `fates` come back in the order of `ids`.
  std::vector<Fate> retire(const std::vector<ObjectId>& ids, const std::vector<Move>& moves,
                           const std::vector<ObjectId>& own_pins);

  /// Deleted objects still waiting for their last pin, and doomed ones that nobody refers to any more.
  [[nodiscard]] std::vector<ObjectId> waiting() const;
  [[nodiscard]] std::size_t waiting_count() const { return waiting().size(); }
  void note_waiting(ObjectId id) { waiting_.insert(id); }  // found at a rebuild
  /// Looks again at deleted objects whose pins may be gone.
  void retry_waiting(const std::vector<ObjectId>& own_pins);

  /// Frees an object that nobody can see any more, and void members that only it referred to.
  void reclaim(EntryIndex i);

  [[nodiscard]] const RetireCounts& counts() const { return counts_; }

 private:
  enum class Pinned : std::uint8_t { kNo, kYes };
  [[nodiscard]] bool still_waits(ObjectId id) const;
  Fate decide(ObjectId id, Pinned pinned);
  void switch_place(const Move& move, Pinned pinned);
  void give_up(const Move& move);

  Holds& holds_;
  Entries& entries_;
  Arenas& arenas_;
  Harvester& harvester_;
  Contents& contents_;
  std::unordered_set<ObjectId> waiting_;
  RetireCounts counts_;
};

}  // namespace vineyard::shm
