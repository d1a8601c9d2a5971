// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "vineyard/base/extent.h"
#include "vineyard/base/ids.h"
#include "vineyard/shm/grants.h"

namespace vineyard::shm {

/// A writer's end of one arena of its own: a log. Hands out bytes by moving an offset forward, and
/// starts again when all that was in it has left.
///
/// Owner:   the client's list of own arenas; borrows the writable mapping.
/// Threads: one at a time; the owner sees to that. The bytes handed out are written without it.
/// Always:  extents handed out lie inside the arena, 64-byte aligned; no two open or published ones
///          overlap.
class ArenaWriter {
 public:
  ArenaWriter(ArenaId arena, std::uint32_t list_number, std::span<std::byte> bytes)
      : arena_(arena), list_number_(list_number), bytes_(bytes) {}

  /// The offset of `size` bytes that nobody else can see yet; nothing if the rest is too short. It
  /// stays open until `closed` or `given_up` is called for it.
  [[nodiscard]] std::optional<std::uint64_t> reserve(std::uint64_t size);
  /// The extent was published by the record at `position`: from here on the worker counts it.
  void closed(std::uint64_t position);
  /// The extent was published by a message that was answered: it is counted already.
  void closed_by_message();
  /// The extent will not be published. The last one handed out is taken back, others wait for the
  /// arena's next round.
  void given_up(std::uint64_t offset, std::uint64_t size);
  /// Only the first `keep` of `size` bytes were needed.
  void shrunk(std::uint64_t offset, std::uint64_t size, std::uint64_t keep);

  /// R6: nothing that was ever handed out in this round is open, waits in the outbox, or is still
  /// there (a deleted but pinned object is).
  [[nodiscard]] bool is_empty(const Grants& grants) const;
  /// Nothing is open, and the worker has taken all records that name it: it may be given back.
  [[nodiscard]] bool is_settled(const Grants& grants) const;
  /// Starts again from the beginning; the caller found it empty.
  void start_again() { used_ = 0; }

  [[nodiscard]] ArenaId arena() const { return arena_; }
  [[nodiscard]] std::uint32_t list_number() const { return list_number_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t used() const { return used_; }
  [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }
  /// Extents that were handed out and are neither published nor given up.
  [[nodiscard]] std::uint64_t open() const { return open_; }
  /// The place of `offset` as records name it (R15).
  [[nodiscard]] Place own_place(std::uint64_t offset) const {
    return Place(ArenaId{list_number_}, offset);
  }

  /// When `[offset, offset + size)` was never touched through this mapping before: what to
  /// populate, up to `ahead` bytes further. From then on it counts as touched.
  [[nodiscard]] std::span<std::byte> claim_untouched(std::uint64_t offset, std::uint64_t size,
                                                     std::uint64_t ahead);

 private:
  ArenaId arena_;
  std::uint32_t list_number_;
  std::span<std::byte> bytes_;
  std::uint64_t used_ = 0;
  std::uint64_t touched_ = 0;
  std::uint64_t open_ = 0;
  std::uint64_t published_until_ = 0;  // the position after the last record that names it
};

}  // namespace vineyard::shm
