// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/compaction.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "vineyard/server/operations/instance.h"
#include "vineyard/shm/worker/pin_scan.h"

namespace vineyard::server {
namespace {

// Of one pass: what the loop plans and switches in some milliseconds, and a thread copies.
constexpr std::uint64_t kBytesPerPass = 16U << 20;
constexpr std::size_t kMovesPerPass = 8192;

struct Candidate {
  std::uint32_t arena;
  std::uint64_t live, size;
};

// Arenas of which nothing is viewed: a view keeps its whole arena.
std::vector<Candidate> candidates(Instance& in) {
  std::unordered_set<std::uint32_t> viewed;
  for (ObjectId id : shm::pinned_now(in.holds, in.own_pins())) {
    if (in.entries.holds(id)) viewed.insert(in.entries.extent(id.index()).place.arena().value);
  }
  std::vector<Candidate> found;
  for (const auto& [arena, use] : in.arenas.all()) {
    if (use.is_home || use.entries == 0 || use.bytes * 4 >= use.size * 3) continue;
    if (use.bytes > limits::kMaxDocument) continue;  // one object, larger than what moves home
    if (viewed.contains(arena) || in.compaction.stuck.contains(arena)) continue;
    if (use.listed || in.arenas.orphaned(arena)) found.push_back({arena, use.bytes, use.size});
  }
  std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return static_cast<double>(a.live) * static_cast<double>(b.size) <
           static_cast<double>(b.live) * static_cast<double>(a.size);
  });
  return found;
}

// The emptiest ones, as many as there is room for at home; at least as many as one pass can move.
std::unordered_set<std::uint32_t> chosen_arenas(Instance& in) {
  std::unordered_set<std::uint32_t> chosen;
  std::uint64_t room = in.arenas.room_for_moves(), bytes = 0;
  for (const Candidate& c : candidates(in)) {
    if (bytes >= kBytesPerPass) break;
    if (c.live > room) continue;
    chosen.insert(c.arena);
    room -= c.live;
    bytes += c.live;
  }
  return chosen;
}

// Takes the new places; nothing is copied yet.
std::vector<Background::Copy> plan(Instance& in, std::vector<shm::Move>& moves) {
  std::vector<Background::Copy> copies;
  const auto& arenas = in.compaction.arenas = chosen_arenas(in);
  if (arenas.empty()) return copies;
  std::uint64_t bytes = 0;
  const std::uint32_t n = in.entries.touched();
  for (EntryIndex i{0}; i.value < n && bytes < kBytesPerPass && moves.size() < kMovesPerPass;
       ++i.value) {
    if (in.entries.state(i) != shm::State::kLive) continue;
    const Extent from = in.entries.extent(i);
    if (!arenas.contains(from.place.arena().value)) continue;
    const std::byte* source = in.arenas.bytes(from);
    if (source == nullptr) break;
    const auto to = in.arenas.take_home(from.size, shm::Arenas::Beyond::kWhileMoving);
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
  // Where nothing can be moved another pass would try the same again.
  if (in.retirer.counts().moved == before) in.compaction.stuck.merge(in.compaction.arenas);
  for (const auto& done : waiting)
    done(moves.empty() ? Compaction::Pass::kNothingToMove : Compaction::Pass::kTried);
}

}  // namespace

void compact(Instance& in, const Post& post, Compaction::Done done) {
  in.compaction.waiting.push_back(std::move(done));
  if (in.compaction.waiting.size() > 1) return;
  auto copies = plan(in, in.compaction.moves);
  if (copies.empty()) {
    in.compaction.stuck.clear();
    in.compaction.arenas.clear();
    return finish(in);
  }
  // Copied while live (R7).
  in.background.copy(std::move(copies),
                     [&in, post](Background::Outcome) { post([&in] { finish(in); }); });
}

}  // namespace vineyard::server
