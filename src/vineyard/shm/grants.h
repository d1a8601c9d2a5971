// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "vineyard/base/ids.h"
#include "vineyard/shm/layout.h"

namespace vineyard::shm {

/// A client's eye on a control block: what the worker lent, took and lists.
///
/// Owner:   a plain value; borrows the region.
/// Threads: any number at once.
/// Always:  says nothing that the worker has not written.
class Grants {
 public:
  explicit Grants(const ClientControl& control) : control_(&control) {}

  [[nodiscard]] std::uint64_t serial() const {
    return control_->serial.load(std::memory_order_acquire);
  }
  /// Acquire: partner of the worker's release store after the ids below it (R10).
  [[nodiscard]] std::uint64_t granted() const {
    return control_->granted.load(std::memory_order_acquire);
  }
  /// Acquire: partner of the worker's store after the entry and the arena's count (R10).
  [[nodiscard]] std::uint64_t harvested() const {
    return control_->harvested.load(std::memory_order_acquire);
  }
  /// The id lent at `position`, which must be below `granted()`; without the blob bit.
  [[nodiscard]] ObjectId id_at(std::uint64_t position) const {
    return ObjectId(control_->grants[position % limits::kRing].load(std::memory_order_relaxed));
  }
  [[nodiscard]] std::uint64_t window() const {
    return control_->window.load(std::memory_order_relaxed);
  }
  /// R11: whether somebody sleeps until this client publishes. After a barrier that follows the
  /// publication.
  [[nodiscard]] bool wanted() const {
    return control_->wanted.load(std::memory_order_relaxed) != 0;
  }
  /// R15: the arena behind a number of the writer's own list; none for a number that is out of
  /// bounds or free.
  [[nodiscard]] ArenaId listed_arena(std::uint64_t list_number) const {
    if (list_number >= limits::kArenasPerClient) return {};
    return {
        static_cast<std::uint32_t>(control_->arenas[list_number].load(std::memory_order_acquire))};
  }
  /// Harvested entries whose bytes are in that arena. Read it after `harvested()`.
  [[nodiscard]] std::uint64_t present(std::uint32_t list_number) const {
    return control_->arena_present[list_number].load(std::memory_order_acquire);
  }

 private:
  const ClientControl* control_;
};

}  // namespace vineyard::shm
