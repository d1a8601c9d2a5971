// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "vineyard/base/result.h"
#include "vineyard/os/unique_fd.h"
#include "vineyard/server/operations/instance.h"

// Arenas for writers, and memory back from those who do not need it.
namespace vineyard::server {

/// An arena for a writer, and the descriptor to map it by.
struct NewArena {
  std::uint32_t arena = 0;
  std::uint64_t size = 0;
  os::UniqueFd descriptor;
};
using ArenaAnswer = std::function<void(Result<NewArena>)>;
using Post = std::function<void(std::function<void()>)>;

/// An arena of at least `size` bytes, touched when the instance reserves memory. Answers at once, or after the warmer
/// has touched it. Asked again with the same request, it answers with the same arena.
/// Errors (to `answer`): full (names who holds what), invalid (larger than the pool).
void new_arena(Instance& in, Peer& peer, std::uint64_t request, std::uint64_t size,
               const Post& post, ArenaAnswer answer);
/// R9: the number leaves the writer's list after its outbox was harvested.
Result<void> drop_arena(Instance& in, Peer& peer, std::uint32_t list_number);

/// Tries to free `wanted` bytes of the pool: deleted objects without pins, empty arenas, spares, and arenas that are
/// less than a quarter live, whose survivors move home. Returns whether there is that much room now.
bool make_room(Instance& in, std::uint64_t wanted);
/// Moves what is left in sparse arenas of the dead and the living home; returns how many objects were moved.
std::uint64_t compact(Instance& in);
/// Touches spare arenas in the background, as the policy says.
void keep_spares(Instance& in, const Post& post);
/// Who holds the pool, largest first, for error messages: `train.py 4.0 GiB, ...`.
std::string holders(const Instance& in);

}  // namespace vineyard::server
