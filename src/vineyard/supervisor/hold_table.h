// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/os/unique_fd.h"
#include "vineyard/supervisor/abi.h"

namespace vineyard::supervisor {

/// Everything that outlives a worker: descriptors, and writable mappings of home arenas.
///
/// Owner:   the Supervisor; inherited, as it is, by every process forked from it.
/// Threads: the one there is.
/// Always:  one slot for a (kind, number); a home arena in it is mapped writable in this process.
class HoldTable {
 public:
  /// Does what a message says: all of it or nothing. `fds` came with it, one per item of kHold.
  /// Errors: invalid (counts that do not fit), full or denied (a home arena cannot be mapped).
  [[nodiscard]] Result<void> apply(const HoldMessage& message, std::vector<os::UniqueFd> fds);

  /// The descriptors of a message's items as they are held, to pass them on.
  [[nodiscard]] std::vector<int> descriptors_of(const HoldMessage& message) const;
  /// What a worker is told: all but kWorker, in the order of kind and number.
  [[nodiscard]] std::vector<Hold> list_for_worker() const;
  /// The descriptor held as (kind, number); -1: none.
  [[nodiscard]] os::BorrowedFd find(HoldKind kind, std::uint64_t number) const;
  [[nodiscard]] std::size_t size() const { return slots_.size(); }

 private:
  using Key = std::pair<std::uint32_t, std::uint64_t>;
  struct Slot {
    Hold facts;
    os::UniqueFd fd;
    os::MappedRegion writable;
  };
  std::map<Key, Slot> slots_;
};

}  // namespace vineyard::supervisor
