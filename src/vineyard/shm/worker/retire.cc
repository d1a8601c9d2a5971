// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/retire.h"

#include <algorithm>
#include <utility>

#include "vineyard/base/check.h"
#include "vineyard/base/failpoint.h"
#include "vineyard/os/membarrier.h"
#include "vineyard/shm/worker/pin_scan.h"

namespace vineyard::shm {
namespace {
constexpr auto kRelease = std::memory_order_release;
}  // namespace

std::vector<Fate> Retirer::retire(const std::vector<ObjectId>& ids, const std::vector<Move>& moves,
                                  const std::vector<ObjectId>& own_pins) {
  std::vector<Fate> fates(ids.size(), Fate::kAbsent);
  std::vector<bool> moving(moves.size());
  PinMarks marks(ids.size() + moves.size());
  std::size_t victims = 0;

  // mark: out of sight for every get that begins now. Deleted ones are out of sight already.
  for (ObjectId id : ids) {
    if (!entries_.holds(id)) continue;
    const State state = entries_.state(id.index());
    if (state != State::kLive && state != State::kDeleted && state != State::kSpilled) continue;
    if (state != State::kDeleted) entries_.set(id.index(), State::kBusy);
    marks.add(id);
    ++victims;
  }
  for (std::size_t m = 0; m < moves.size(); ++m) {
    moving[m] = entries_.holds(moves[m].id) && entries_.state(moves[m].id.index()) == State::kLive;
    if (!moving[m]) {
      give_up(moves[m]);
      continue;
    }
    entries_.set(moves[m].id.index(), State::kBusy);
    marks.add(moves[m].id);
    ++victims;
  }
  if (victims == 0) return fates;
  ++counts_.batches;
  VY_FAILPOINT("retire.marked");

  // barrier: a pin stored before the mark is visible now; a later one sees the mark (R1). Where the kernel has none,
  // every reader fences, and so does this side: the marks must be out before a pin is read.
  bool all_pinned = false;
  if (!VY_LEFT_OUT("R1")) {
    if (os::membarrier_available()) {
      all_pinned = !os::global_barrier();
    } else {
      os::full_fence();
    }
  }
  VY_FAILPOINT("retire.barrier");

  if (VY_LEFT_OUT("R2")) {
    harvester_.harvest_all();
    VY_FAILPOINT("retire.harvested");
  }
  // scan, then harvest (R2): a composer that let go of its pin has published its parent before.
  all_pinned = !scan_pins(holds_, own_pins, marks) || all_pinned;
  VY_FAILPOINT("retire.scanned");
  if (!VY_LEFT_OUT("R2") && harvester_.harvest_all() == Harvester::Progress::kStopped) {
    all_pinned = true;  // what could not be harvested may refer to anything here
  }

  // decide
  const auto pinned = [&](ObjectId id) {
    return all_pinned || marks.is_pinned(id) ? Pinned::kYes : Pinned::kNo;
  };
  for (std::size_t n = 0; n < ids.size(); ++n) {
    fates[n] = decide(ids[n], pinned(ids[n]));
    VY_FAILPOINT("retire.decided");
  }
  for (std::size_t m = 0; m < moves.size(); ++m) {
    if (moving[m]) switch_place(moves[m], pinned(moves[m].id));
  }
  return fates;
}

Fate Retirer::decide(ObjectId id, Pinned pinned) {
  if (!entries_.holds(id)) {
    waiting_.erase(id);
    return Fate::kAbsent;
  }
  const EntryIndex i = id.index();
  const State state = entries_.state(i);
  if (state != State::kBusy && state != State::kDeleted)
    return Fate::kAbsent;  // named twice in the batch
  if (contents_.references(i) > 0) {
    entries_.set(i, State::kLive);
    waiting_.erase(entries_.id(i));
    ++counts_.kept;
    return Fate::kKept;
  }
  if (pinned == Pinned::kYes) {
    if (state == State::kBusy) {
      entries_.set(i, State::kDeleted);
      waiting_.insert(entries_.id(i));
      ++counts_.deleted;
    }
    return Fate::kDeleted;
  }
  waiting_.erase(entries_.id(i));
  reclaim(i);
  return Fate::kReclaimed;
}

void Retirer::reclaim(EntryIndex i) {
  const ObjectId id = entries_.id(i);
  const Extent extent = entries_.extent(i);
  const bool at_home = arenas_.is_home(extent.place);
  std::vector<ObjectId> unreferenced;
  if (!id.is_blob()) {
    const std::byte* bytes = arenas_.bytes(extent);
    VY_CHECK(bytes != nullptr);
    contents_.left(id, {bytes, extent.size}, unreferenced);
  } else {
    contents_.left(id, {}, unreferenced);
  }
  const auto handle = harvester_.home_handle(i);
  if (at_home) harvester_.set_home_handle(i, ExtentAllocator::kNone);
  entries_.free(i);  // one store; the counts follow, so that they are never too low
  VY_FAILPOINT("retire.freed");
  arenas_.left(extent);
  if (at_home) arenas_.free_home({extent.place, handle});
  ++counts_.reclaimed;
  for (ObjectId member : unreferenced) {
    // Whoever named it while it was leased may have been wrong about its blob bit.
    if (entries_.id(member.index()).without_blob_bit() != member.without_blob_bit()) continue;
    // Only now may a void member stop saying so (R4).
    if (entries_.state(member.index()) == State::kVoid) {
      entries_.free(member.index());
    } else if (entries_.is_doomed(member.index())) {
      waiting_.insert(entries_.id(member.index()));
    }
  }
}

void Retirer::give_up(const Move& move) {
  arenas_.free_home(move.to);
}

void Retirer::switch_place(const Move& move, Pinned pinned) {
  const EntryIndex i = move.id.index();
  if (entries_.state(i) != State::kBusy) return give_up(move);
  if (pinned == Pinned::kYes && !VY_LEFT_OUT("R7")) {
    entries_.set(i, State::kLive);
    return give_up(move);
  }
  const Extent old = entries_.extent(i);
  const auto old_handle = harvester_.home_handle(i);
  arenas_.entered({move.to.place, move.size});
  harvester_.set_home_handle(i, move.to.handle);
  // The bytes behind the new place are complete (R12).
  entries_.at(i).place.store(move.to.place.bits, kRelease);
  VY_FAILPOINT("retire.place_switched");
  entries_.set(i, State::kLive);
  arenas_.left(old);
  if (arenas_.is_home(old.place)) arenas_.free_home({old.place, old_handle});
  ++counts_.moved;
}

// A harvest may have brought an object back meanwhile (R3): it waits for nothing any more.
bool Retirer::still_waits(ObjectId id) const {
  if (!entries_.holds(id)) return false;
  const EntryIndex i = id.index();
  return entries_.state(i) == State::kDeleted ||
         (entries_.is_doomed(i) && contents_.references(i) == 0);
}

std::vector<ObjectId> Retirer::waiting() const {
  std::vector<ObjectId> waiting;
  for (ObjectId id : waiting_) {
    if (still_waits(id)) waiting.push_back(id);
  }
  return waiting;
}

void Retirer::retry_waiting(const std::vector<ObjectId>& own_pins) {
  std::erase_if(waiting_, [&](ObjectId id) { return !still_waits(id); });
  const std::vector<ObjectId> again(waiting_.begin(), waiting_.end());
  if (!again.empty()) (void)retire(again, {}, own_pins);
}

}  // namespace vineyard::shm
