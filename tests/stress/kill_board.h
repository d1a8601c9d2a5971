// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "vineyard/base/ids.h"

// What the processes of the kill loop share: the test's own memory, no part of vineyard.
namespace vineyard::stress {

inline constexpr std::uint32_t kActors = 16;
inline constexpr std::uint32_t kShelf = 32;  // objects that one writer shows at a time
inline constexpr std::uint32_t kKept = 12;   // objects of a writer that nobody else is told

/// An object that somebody showed: written by one actor alone; read id, seed, id.
struct Shown {
  std::atomic<std::uint64_t> id;
  std::atomic<std::uint64_t> seed;
};

struct Board {
  std::atomic<std::uint64_t> violations, stop, puts, gets, absent, composed, deleted, forks, closes,
      moved, full, lost;
  std::array<std::array<Shown, kShelf>, kActors> shelves;
  /// Must be there as long as they stand here, also when their writer was killed: its next life looks.
  std::array<std::array<Shown, kKept>, kActors> kept;
  /// What the hostile writer published: all it ever had are zeros.
  std::array<std::atomic<std::uint64_t>, 64> hostile_blobs;
  std::array<std::atomic<std::uint64_t>, 64>
      doomed;  // ids that are being deleted: composers like these
  std::array<std::atomic<std::uint64_t>, 16> fresh;  // ids published a moment ago: these too
};

}  // namespace vineyard::stress
