// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "vineyard/base/limits.h"
#include "vineyard/client/builder.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/shm/arena_writer.h"
#include "vineyard/shm/grants.h"

namespace vineyard::client {

/// Bytes that were reserved, and which of them were never touched through this mapping.
struct Reserved {
  Reservation where;
  std::span<std::byte> bytes;
  std::span<std::byte> untouched;
};

/// The arenas that this process writes: logs for small objects, growing in size, and one for each
/// large object.
///
/// Owner:   the Writer.
/// Threads: one at a time (the put lock). The bytes handed out are written without it.
/// Always:  never more arenas than a writer's list has numbers. An arena in which something is open
///          is not given away.
class OwnArenas {
 public:
  enum class Use : std::uint8_t { kLog, kOneObject };
  struct Arena {
    shm::ArenaWriter writer;
    os::MappedRegion memory;
    Use use;
    std::uint64_t used_at = 0;
  };
  using Owned = std::unique_ptr<Arena>;

  /// `full_size`: of a grown-up arena for small objects.
  explicit OwnArenas(std::uint64_t full_size) : full_size_(full_size) {}

  /// What an object of this size gets.
  [[nodiscard]] Use use_for(std::uint64_t size) const {
    return size > full_size_ / 2 ? Use::kOneObject : Use::kLog;
  }
  /// The size of the next arena to ask for, for an object of this size.
  [[nodiscard]] std::uint64_t next_size(std::uint64_t size) const;

  /// Room in an arena that is there: one with room left, else the one that was in use last of those
  /// that are empty.
  [[nodiscard]] std::optional<Reserved> reserve(std::uint64_t size, const shm::Grants& grants);
  /// Takes it over; false (and the caller keeps it) when its number is taken.
  [[nodiscard]] bool add(Owned& arena);

  /// Takes arenas out that may be given back: empty ones, or - when the list is nearly full - some
  /// that are only settled, oldest first. The caller unmaps them and tells the instance.
  enum class Need : std::uint8_t { kNumbers, kMemory };
  [[nodiscard]] std::vector<Owned> take_spare(Need need, const shm::Grants& grants);
  /// Whether a harvest would help: something is published and not taken yet.
  [[nodiscard]] bool waits_for_harvest(const shm::Grants& grants) const;
  [[nodiscard]] bool is_full() const { return count() == limits::kArenasPerClient; }
  [[nodiscard]] std::uint32_t count() const;

  /// The arena of a reservation; null if it is gone.
  [[nodiscard]] Arena* find(const Reservation& where) const;
  /// Everything in which nothing is open; and from now on what is given up, too (see
  /// Writer::close).
  [[nodiscard]] std::vector<Owned> take_closed();

 private:
  [[nodiscard]] Owned take_out(Owned& arena);
  [[nodiscard]] std::optional<Reserved> reserve_in(Arena& arena, std::uint64_t size);
  [[nodiscard]] bool fits(const Arena& arena, Use use, std::uint64_t size) const;

  const std::uint64_t full_size_;
  std::array<Owned, limits::kArenasPerClient> arenas_;  // by number in the own list
  Arena* current_ = nullptr;                            // the log that was written last
  std::uint64_t grown_ = 0;  // arenas for small objects that were asked for
  std::uint64_t clock_ = 0;
};

}  // namespace vineyard::client
