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

/// An arena of at least `size` bytes, touched when the instance reserves memory. Answers at once, or after it
/// was touched. Asked again with the same request, it answers with the same arena.
/// Errors (to `answer`): full (names who holds what), invalid (larger than the pool).
void new_arena(Instance& in, Peer& peer, std::uint64_t request, std::uint64_t size,
               const Post& post, const ArenaAnswer& answer);
/// R9: the number leaves the writer's list after its outbox was harvested.
Result<void> drop_arena(Instance& in, Peer& peer, std::uint32_t list_number);

/// Whether the pool has as many bytes as were wanted.
enum class Room : std::uint8_t { kEnough, kTooLittle };
/// Tries to free `wanted` bytes of the pool at once: spares, deleted objects without pins, empty arenas.
Room free_idle(Instance& in, std::uint64_t wanted);
/// The same, and then the emptiest arenas, whose survivors move home. Answers at once, or after what
/// had to move was copied.
void make_room(Instance& in, std::uint64_t wanted, const Post& post,
               std::function<void(Room)> done);
/// Touches spare arenas in the background, as the policy says.
void keep_spares(Instance& in, const Post& post);
/// Who holds the pool, largest first, for error messages: `train.py 4.0 GiB, ...`.
std::string holders(const Instance& in);

}  // namespace vineyard::server
