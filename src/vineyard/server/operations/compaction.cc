// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/compaction.h"

#include <unordered_set>
#include <utility>

#include "vineyard/server/operations/instance.h"

namespace vineyard::server {
namespace {

constexpr std::uint64_t kMovePerPass = 64U << 20;  // bytes

std::unordered_set<std::uint32_t> sparse_arenas(const Instance& in) {
  std::unordered_set<std::uint32_t> sparse;
  for (const auto& [arena, use] : in.arenas.all()) {
    if (use.is_home || use.entries == 0 || use.bytes * 4 >= use.size) continue;
    if (use.listed || in.arenas.orphaned(arena)) sparse.insert(arena);
  }
  return sparse;
}

// Takes the new places; nothing is copied yet.
std::vector<Background::Copy> plan(Instance& in, std::vector<shm::Move>& moves) {
  std::vector<Background::Copy> copies;
  const auto sparse = sparse_arenas(in);
  if (sparse.empty()) return copies;
  std::uint64_t bytes = 0;
  const std::uint32_t n = in.entries.touched();
  for (EntryIndex i{0}; i.value < n && bytes < kMovePerPass; ++i.value) {
    if (in.entries.state(i) != shm::State::kLive) continue;
    const Extent from = in.entries.extent(i);
    if (!sparse.contains(from.place.arena().value) || from.size > in.arenas.largest_home_object())
      continue;
    const std::byte* source = in.arenas.bytes(from);
    if (source == nullptr) break;
    const auto to = in.arenas.take_home(from.size, shm::Arenas::Beyond::kNever);
    if (!to) break;
    copies.push_back({in.arenas.home_bytes(to->place), source, from.size});
    moves.push_back({in.entries.id(i), *to, from.size});
    bytes += extent_step(from.size);
  }
  return copies;
}

void finish(Instance& in) {
  // From here on what was copied is pinned by its viewers only.
  const auto moves = std::exchange(in.compaction.moves, {});
  const auto waiting = std::exchange(in.compaction.waiting, {});
  const std::uint64_t before = in.retirer.counts().moved;
  if (!moves.empty()) in.retirer.retire({}, moves, in.own_pins());
  for (const auto& done : waiting) done(in.retirer.counts().moved - before);
}

}  // namespace

void compact(Instance& in, const Post& post, Compaction::Done done) {
  in.compaction.waiting.push_back(std::move(done));
  if (in.compaction.waiting.size() > 1) return;
  auto copies = plan(in, in.compaction.moves);
  if (copies.empty()) return finish(in);
  // Copied while live (R7).
  in.background.copy(std::move(copies),
                     [&in, post](Background::Outcome) { post([&in] { finish(in); }); });
}

}  // namespace vineyard::server
