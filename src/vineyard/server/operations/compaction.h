// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_set>
#include <vector>

#include "vineyard/base/ids.h"
#include "vineyard/shm/worker/retire.h"

// Survivors of sparse arenas move into the worker's own, so that those arenas can be dropped (design 3.5).
namespace vineyard::server {

class Instance;
using Post = std::function<void(std::function<void()>)>;

/// The pass of a compaction that is under way.
///
/// Owner:   Instance.
/// Threads: the loop's thread only.
/// Always:  what is being copied counts as pinned, so neither its old bytes nor the new ones get another owner.
struct Compaction {
  enum class Pass : std::uint8_t { kTried, kNothingToMove };
  using Done = std::function<void(Pass)>;

  std::vector<shm::Move> moves;
  std::vector<Done> waiting;                 // not empty: a pass is under way
  std::unordered_set<std::uint32_t> arenas;  // that it empties
  std::unordered_set<std::uint32_t>
      stuck;  // where a pass moved nothing; until there is nothing else
};

/// Moves a bounded number of bytes home, from the arenas that are emptiest and less than three quarters live; copies
/// beside the loop. Who asks while a pass is under way hears of its end. Another pass may follow until one finds nothing
/// to move.
void compact(Instance& in, const Post& post, Compaction::Done done);

}  // namespace vineyard::server
