// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::shm {

/// What a held descriptor is; the numbers are those of supervisor/abi.h.
enum class Kind : std::uint32_t {
  kConnection = 1,
  kOutbox = 2,
  kPinTable = 3,
  kClientArena = 4,
  kHomeArena = 5,
};

/// What identifies a held thing and what it is for, without its descriptor.
struct HoldFacts {
  Kind kind = Kind::kConnection;
  std::uint64_t number = 0;
  std::uint64_t owner = 0;    // connection: control block; else client serial, 0 = nobody
  std::uint64_t request = 0;  // id of the request that created it
  std::uint64_t size = 0;
};

/// Somebody who outlives the worker and keeps descriptors for it: the supervisor, or its twin in tests.
///
/// Owner:   the worker's composition; outlives Holds.
/// Threads: the worker's loop only.
/// Always:  when `keep` returns, the thing survives the death of this process.
class Keeper {
 public:
  virtual ~Keeper() = default;
  /// Keeps descriptors (borrowed). A home arena is mapped writable by the keeper before this returns.
  /// Errors: unavailable (the keeper is gone).
  virtual Result<void> keep(std::span<const HoldFacts> facts,
                            std::span<const os::UniqueFd* const> descriptors) = 0;
  virtual Result<void> drop(Kind kind, std::uint64_t number) = 0;
};

/// One thing that supervisor, standby and worker hold.
struct Held {
  HoldFacts facts;
  os::UniqueFd fd;
  os::MappedRegion
      writable;  // home arenas only: this process's own mapping, made before sealing or inherited
};

/// Everything that outlives this worker: connections, outboxes, pin tables, arenas.
///
/// Owner:   the worker.
/// Threads: the worker's loop only.
/// Always:  what is in here is held by the Keeper too; iteration is in the order of numbers.
class Holds {
 public:
  using Table = std::map<std::uint64_t, Held>;

  explicit Holds(Keeper& keeper) : keeper_(keeper) {}

  /// Takes over what the supervisor already holds (a worker's start).
  void adopt(Held held);
  /// Has new things kept, all or none; replaces what stood under the same kind and number.
  Result<void> add(std::vector<Held> items);
  /// Gives a held thing to somebody else.
  Result<void> reassign(Held& held, std::uint64_t owner, std::uint64_t request);
  /// Forgets a thing here and at the keeper; closes and unmaps it.
  Result<void> drop(Kind kind, std::uint64_t number);

  [[nodiscard]] Held* find(Kind kind, std::uint64_t number);
  [[nodiscard]] const Table& all(Kind kind) const { return tables_[index(kind)]; }
  [[nodiscard]] Table& all(Kind kind) { return tables_[index(kind)]; }
  /// A read-only view of an outbox, pin table or arena, mapped when first asked for.
  /// Errors: not_found (no such thing), full (no mapping to be had).
  [[nodiscard]] Result<const std::byte*> see(Kind kind, std::uint64_t number);

 private:
  static std::size_t index(Kind kind) { return static_cast<std::size_t>(kind); }
  void forget(Kind kind, std::uint64_t number);

  Keeper& keeper_;
  Table tables_[6];
  std::map<std::uint64_t, os::MappedRegion> seen_[6];
};

}  // namespace vineyard::shm
