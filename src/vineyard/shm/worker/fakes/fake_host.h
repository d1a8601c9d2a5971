// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vineyard/os/mapped_region.h"
#include "vineyard/os/memfd.h"
#include "vineyard/shm/worker/arenas.h"
#include "vineyard/shm/worker/clients.h"
#include "vineyard/shm/worker/entries.h"
#include "vineyard/shm/worker/fakes/fake_contents.h"
#include "vineyard/shm/worker/fakes/fake_keeper.h"
#include "vineyard/shm/worker/harvest.h"
#include "vineyard/shm/worker/names.h"
#include "vineyard/shm/worker/rebuild.h"
#include "vineyard/shm/worker/retire.h"

// A host in one process, for tests of this folder: a region, a keeper, one worker after the other, scripted clients.
namespace vineyard::shm {

/// Everything that dies with a worker.
struct FakeWorkerParts {
  FakeWorkerParts(Region& region, FakeKeeper& keeper, BlockSource& blocks,
                  std::uint64_t pool_bytes);
  ~FakeWorkerParts();

  FakeKeeper& keeper;
  Holds holds;
  Entries entries;
  Arenas arenas;
  Clients clients;
  FakeContents contents;
  Harvester harvester;
  Retirer retirer;
  Names names;
};

/// What a successor must find again (I11).
struct WorkerState {
  struct OneEntry {
    std::uint32_t index;
    std::uint64_t word;
    std::uint64_t place;
    std::uint64_t size;
    bool operator==(const OneEntry&) const = default;
  };
  struct OneArena {
    std::uint64_t entries, bytes, size, free_units;
    bool listed, retired, is_home;
    std::uint32_t control, list_number;
    bool operator==(const OneArena&) const = default;
  };
  std::vector<OneEntry> entries;  // all that are not free
  std::set<std::uint32_t> unused;
  std::uint64_t free_count = 0;
  std::uint64_t used_bytes = 0;
  std::map<std::uint32_t, OneArena> arenas;
  std::map<std::uint32_t, FakeContents::Known> known;
  std::map<std::uint32_t, std::uint32_t> references;
  std::set<std::uint64_t> waiting;
  std::map<std::string, std::uint64_t> names;

  /// The first difference in words, or nothing.
  [[nodiscard]] std::optional<std::string> difference(const WorkerState& other) const;
};

/// A host: the memory and descriptors that outlive workers, and the worker there is now.
///
/// Owner:   the test.
/// Threads: one.
/// Always:  there is a worker; its predecessor is gone.
class FakeHost {
 public:
  explicit FakeHost(std::uint64_t pool_bytes = 64U << 20);

  [[nodiscard]] Region& region() { return *memory_.as<Region>(); }
  [[nodiscard]] FakeWorkerParts& worker() { return *worker_; }
  /// The worker is killed here and now, and the next one rebuilds.
  RebuildReport restart(Predecessor predecessor = Predecessor::kNoneOrKilled);
  /// R5: what the worker does when nobody maps a writer's outbox any more. False: it cannot be finished yet.
  bool leave(std::uint64_t serial);
  /// R8: forgets pin tables that nobody maps.
  void sweep_pin_tables();

  [[nodiscard]] WorkerState state();
  /// The first broken invariant of region and worker in words, or nothing. Between two steps only.
  [[nodiscard]] std::optional<std::string> broken_invariant();

  FakeKeeper keeper;
  FakeBlocks blocks;

 private:
  std::optional<std::string> broken_entry(EntryIndex i,
                                          std::map<std::uint32_t, std::uint64_t>& in_arena);
  std::optional<std::string> broken_arena(const std::map<std::uint32_t, std::uint64_t>& in_arena);
  std::optional<std::string> broken_clients();

  std::uint64_t pool_bytes_;
  os::MappedRegion memory_;
  std::unique_ptr<FakeWorkerParts> worker_;
};

/// A scripted client over real descriptors: writes records as it is told, honest or not.
///
/// Owner:   the test.
/// Threads: one.
/// Always:  what it maps is mapped through descriptions of its own, so the kernel knows whether it is there (R8).
class FakeClient {
 public:
  explicit FakeClient(FakeHost& host);

  [[nodiscard]] std::uint64_t serial() const { return serial_; }
  [[nodiscard]] std::uint32_t control() const { return control_; }
  [[nodiscard]] ClientControl& block() { return host_->region().clients[control_]; }
  [[nodiscard]] Outbox& outbox() { return *outbox_.as<Outbox>(); }
  [[nodiscard]] PinTable& pins() { return *pins_.as<PinTable>(); }
  [[nodiscard]] std::uint64_t pin_table() const { return pin_table_; }

  /// A new arena, mapped and listed. Returns its number within the own list.
  std::uint32_t new_arena(std::uint64_t size = 1U << 20);
  [[nodiscard]] std::byte* arena_bytes(std::uint32_t list_number) {
    return arenas_.at(list_number).data();
  }
  void unmap_arena(std::uint32_t list_number) { arenas_.erase(list_number); }

  /// Adds a record for the next granted position; `publish` shows it. `place` is within the own list.
  ObjectId add_blob(Place place, std::uint64_t size);
  ObjectId add_document(const std::vector<std::byte>& document);
  void add_record(const Record& record);
  /// A blob of `size` bytes at the end of what arena 0 has used so far.
  ObjectId add_new_blob(std::uint64_t size);
  /// The id that the next record will have.
  [[nodiscard]] ObjectId next_id() {
    return ObjectId(block().grants[next_ % limits::kRing].load());
  }
  [[nodiscard]] bool has_grant() {
    return next_ < block().granted.load() && next_ - block().harvested.load() < limits::kRing;
  }
  void publish() { outbox().tail.store(next_, std::memory_order_release); }
  ObjectId put_blob(std::uint64_t size);
  ObjectId put_document(const std::vector<ObjectId>& members, std::uint64_t seed = 0);

  void pin(std::uint32_t slot, ObjectId id);
  void unpin(std::uint32_t slot) { pins().slots[slot].store(0, std::memory_order_release); }
  /// The process ends: nothing is mapped any more.
  void die();
  /// Everything but the pin table goes, as when views outlive their client.
  void die_but_for_pins();

 private:
  FakeHost* host_;
  std::uint64_t serial_ = 0;
  std::uint32_t control_ = 0;
  std::uint64_t pin_table_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t documents_ = 0;
  std::uint64_t used_ = 0;  // of arena 0
  os::MappedRegion outbox_;
  os::MappedRegion pins_;
  std::map<std::uint32_t, os::MappedRegion> arenas_;
};

}  // namespace vineyard::shm
