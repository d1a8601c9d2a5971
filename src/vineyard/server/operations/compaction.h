// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
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
  /// Hears how many objects a pass moved.
  using Done = std::function<void(std::uint64_t moved)>;

  std::vector<shm::Move> moves;
  std::vector<Done> waiting;  // not empty: a pass is under way
};

/// Moves a bounded number of bytes home from arenas that are less than a quarter live; copies beside the loop. Who
/// asks while a pass is under way hears of its end.
void compact(Instance& in, const Post& post, Compaction::Done done);

}  // namespace vineyard::server
