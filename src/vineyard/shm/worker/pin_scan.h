// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "vineyard/base/ids.h"
#include "vineyard/shm/worker/holds.h"

namespace vineyard::shm {

/// A small set of entries with a mark for each: pinned or not.
///
/// Owner:   one retire.
/// Threads: one at a time.
/// Always:  holds each entry once; lookups of entries that are not in it find nothing.
class PinMarks {
 public:
  explicit PinMarks(std::size_t expected);
  void add(ObjectId id);
  /// Marks the entry if it is in the set and the pin names just this object.
  void see(ObjectId pinned);
  [[nodiscard]] bool is_pinned(ObjectId id) const;

 private:
  struct Slot {
    std::uint64_t id = 0;  // without the blob bit; 0: empty
    bool pinned = false;
  };
  [[nodiscard]] std::size_t find(std::uint64_t id) const;
  std::vector<Slot> slots_;
  std::size_t mask_;
};

/// Looks through every pin table, and the worker's own pins for clients, for the ids in `marks`. Call only after the
/// entries were marked busy and the barrier has returned (R1).
/// Returns false if a table cannot be read: then everything must count as pinned.
[[nodiscard]] bool scan_pins(Holds& holds, const std::vector<ObjectId>& own_pins, PinMarks& marks);

/// What seems to be pinned at this moment: a hint for what is not worth trying.
[[nodiscard]] std::vector<ObjectId> pinned_now(Holds& holds, const std::vector<ObjectId>& own_pins);

}  // namespace vineyard::shm
