// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "vineyard/base/try.h"
#include "vineyard/base/units.h"
#include "vineyard/os/memfd.h"
#include "vineyard/server/operations/membership.h"

namespace vineyard::server {
namespace {

using shm::ArenaUse;
using shm::Held;
using shm::Kind;

constexpr std::uint64_t kTouchInline =
    1U << 20;  // smaller arenas are touched in the loop: below half a millisecond
constexpr std::uint64_t kSpareShare = 4;         // spares take at most a quarter of the pool ...
constexpr std::uint64_t kSpareLimit = 1U << 30;  // ... and a GiB, unless --prefault full

bool is_spare(const Held& held) {
  return held.facts.kind == Kind::kClientArena && held.facts.owner == 0;
}

Result<NewArena> ready(Instance& in, std::uint32_t arena) {
  Held* held = in.holds.find(Kind::kClientArena, arena);
  if (held == nullptr) return Error(ErrorCode::kUnavailable, "the client is gone");
  VY_TRY(auto fd, os::reopen(held->fd, os::Access::kReadWrite));
  return NewArena{arena, held->facts.size, std::move(fd)};
}

Held* asked_before(Instance& in, const Peer& peer, std::uint64_t request) {
  for (auto& [number, held] : in.holds.all(Kind::kClientArena)) {
    if (held.facts.owner == peer.serial && held.facts.request == request) return &held;
  }
  return nullptr;
}

Held* fitting_spare(Instance& in, std::uint64_t size) {
  Held* best = nullptr;
  for (auto& [number, held] : in.holds.all(Kind::kClientArena)) {
    if (!is_spare(held) || !in.spares_ready.contains(number) || held.facts.size < size) continue;
    if (held.facts.size > std::max(size * 2, limits::kFirstArena)) continue;
    if (best == nullptr || held.facts.size < best->facts.size) best = &held;
  }
  return best;
}

bool has_room(const Instance& in, std::uint64_t wanted) {
  return in.arenas.used_bytes() + wanted <= in.options.pool_bytes;
}

void drop_spares(Instance& in, std::uint64_t wanted) {
  std::vector<std::uint32_t> spares;
  for (const auto& [number, held] : in.holds.all(Kind::kClientArena)) {
    if (is_spare(held) && in.spares_ready.contains(number))
      spares.push_back(static_cast<std::uint32_t>(number));
  }
  for (std::uint32_t arena : spares) {
    if (has_room(in, wanted)) return;
    in.spares_ready.erase(arena);
    in.arenas.drop_spare(arena);
  }
}

// Each pass moves a bounded number of bytes; the last one is the one that finds nothing to move.
void compact_until(Instance& in, std::uint64_t wanted, const Post& post,
                   std::function<void(Room)> done) {
  if (has_room(in, wanted)) return done(Room::kEnough);
  compact(in, post, [&in, wanted, post, done = std::move(done)](Compaction::Pass pass) {
    in.arenas.sweep();
    if (pass == Compaction::Pass::kTried) return compact_until(in, wanted, post, done);
    done(has_room(in, wanted) ? Room::kEnough : Room::kTooLittle);
  });
}

Error no_room(const Instance& in, std::uint64_t size) {
  const std::uint64_t used = in.arenas.used_bytes(), pool = in.options.pool_bytes;
  return Error(
      ErrorCode::kFull,
      fmt::format(
          "cannot create {}: {} free of {} ({}). Drop views or delete objects (`vineyard ls`), "
          "or restart vineyardd with a larger --size",
          to_string(ByteCount(size)), to_string(ByteCount(pool - std::min(used, pool))),
          to_string(ByteCount(pool)), holders(in)));
}

// For a client that may have ended while it waited.
void create_arena(Instance& in, std::uint64_t serial, std::uint64_t request, std::uint64_t size,
                  const Post& post, const ArenaAnswer& answer) {
  if (in.peer(serial) == nullptr) return;
  auto arena = in.arenas.create(size, serial, request);
  if (!arena) return answer(std::move(arena).error());
  Held* held = in.holds.find(Kind::kClientArena, *arena);
  if (in.options.reserve == Reserve::kOff) return answer(ready(in, *arena));
  if (held->facts.size <= kTouchInline) {
    if (auto touched = os::touch_pages(held->fd, 0, held->facts.size); !touched)
      return answer(std::move(touched).error());
    return answer(ready(in, *arena));
  }
  auto fd = os::reopen(held->fd, os::Access::kReadWrite);
  if (!fd) return answer(std::move(fd).error());
  in.background.touch(
      *std::move(fd), held->facts.size, Background::Priority::kSomebodyWaits,
      [&in, post, number = *arena, answer](Background::Outcome outcome) {
        post([&in, number, answer, good = outcome == Background::Outcome::kDone] {
          answer(good ? ready(in, number)
                      : Error(ErrorCode::kFull, "the machine has no memory left for it"));
        });
      });
}

std::uint64_t spare_bytes(const Instance& in) {
  std::uint64_t sum = 0;
  for (const auto& [number, held] : in.holds.all(Kind::kClientArena))
    sum += is_spare(held) ? held.facts.size : 0;
  return sum;
}

}  // namespace

void new_arena(Instance& in, Peer& peer, std::uint64_t request, std::uint64_t size,
               const Post& post, const ArenaAnswer& answer) {
  if (Held* held = asked_before(in, peer, request)) {
    return answer(ready(in, static_cast<std::uint32_t>(held->facts.number)));
  }
  if (size == 0 || size > in.options.pool_bytes) {
    return answer(
        Error(ErrorCode::kFull,
              fmt::format(
                  "cannot create {}: the whole pool has {}; restart vineyardd with a larger --size",
                  to_string(ByteCount(size)), to_string(ByteCount(in.options.pool_bytes)))));
  }
  if (Held* spare = fitting_spare(in, size)) {
    const auto number = static_cast<std::uint32_t>(spare->facts.number);
    in.spares_ready.erase(number);
    if (auto given = in.arenas.assign(number, peer.serial, request); !given)
      return answer(std::move(given).error());
    return answer(ready(in, number));
  }
  make_room(in, size, post, [&in, serial = peer.serial, request, size, post, answer](Room room) {
    if (room == Room::kTooLittle) return answer(no_room(in, size));
    create_arena(in, serial, request, size, post, answer);
  });
}

Result<void> drop_arena(Instance& in, Peer& peer, std::uint32_t list_number) {
  if (!in.clients.established(peer.control, peer.serial) ||
      list_number >= limits::kArenasPerClient) {
    return Error(ErrorCode::kInvalid, fmt::format("there is no arena number {}", list_number));
  }
  // All records that use this number come first (R9).
  if (in.harvester.harvest(peer.control) == shm::Harvester::Progress::kStopped) {
    return Error(ErrorCode::kFull, "the machine has no memory left to take in what was published");
  }
  in.arenas.unlist(peer.control, list_number);
  return {};
}

Room free_idle(Instance& in, std::uint64_t wanted) {
  if (has_room(in, wanted)) return Room::kEnough;
  drop_spares(in, wanted);
  if (has_room(in, wanted)) return Room::kEnough;
  in.harvester.harvest_all();
  sweep_pin_tables(in, Sweep::kOfTheGone);
  in.retirer.retry_waiting(in.own_pins());
  in.arenas.sweep();
  return has_room(in, wanted) ? Room::kEnough : Room::kTooLittle;
}

void make_room(Instance& in, std::uint64_t wanted, const Post& post,
               std::function<void(Room)> done) {
  (void)free_idle(in, wanted);
  compact_until(in, wanted, post, std::move(done));
}

void keep_spares(Instance& in, const Post& post) {
  if (in.options.prefault == Prefault::kNone || in.options.reserve == Reserve::kOff) return;
  const std::uint64_t pool = in.options.pool_bytes;
  const std::uint64_t limit =
      in.options.prefault == Prefault::kFull ? pool : std::min(pool / kSpareShare, kSpareLimit);
  // The sizes that writers ask for in turn: one of each, so that a fresh client starts warm, then full-grown ones, which
  // also serve whoever starts with a large object.
  std::uint64_t size = limits::kFirstArena;
  std::uint64_t have = spare_bytes(in);
  while (in.background.queued() == 0) {
    std::uint32_t of_size = 0;
    for (const auto& [number, held] : in.holds.all(Kind::kClientArena)) {
      of_size += is_spare(held) && held.facts.size == size;
    }
    const bool grown = size >= in.arenas.full_arena_bytes();
    if (!grown && of_size >= 1) {
      size *= 2;
      continue;
    }
    if (have + size > limit || in.arenas.used_bytes() + size > pool) return;
    const auto arena = in.arenas.create(size, 0, 0);
    if (!arena) return;
    have += size;
    auto fd = os::reopen(in.holds.find(Kind::kClientArena, *arena)->fd, os::Access::kReadWrite);
    if (!fd) return;
    in.background.touch(*std::move(fd), size, Background::Priority::kSpare,
                        [&in, post, number = *arena](Background::Outcome outcome) {
                          post([&in, post, number, good = outcome == Background::Outcome::kDone] {
                            if (good) in.spares_ready.insert(number);
                            if (good) keep_spares(in, post);
                          });
                        });
    return;
  }
}

std::string holders(const Instance& in) {
  std::map<std::string, std::uint64_t> by_name;
  for (const auto& [number, held] : in.holds.all(Kind::kClientArena)) {
    if (is_spare(held)) continue;
    const auto peer = in.peers.find(held.facts.owner);
    by_name[peer == in.peers.end()
                ? "ended programs"
                : fmt::format("{}[{}]", peer->second.program, peer->second.pid)] += held.facts.size;
  }
  for (const auto& [number, held] : in.holds.all(Kind::kHomeArena))
    by_name["the daemon's own"] += held.facts.size;
  std::vector<std::pair<std::uint64_t, std::string>> sorted;
  for (const auto& [name, bytes] : by_name) sorted.emplace_back(bytes, name);
  std::sort(sorted.rbegin(), sorted.rend());
  std::string text;
  for (std::size_t n = 0; n < std::min<std::size_t>(sorted.size(), 3); ++n) {
    text += fmt::format("{}{} {}", n ? ", " : "", sorted[n].second,
                        to_string(ByteCount(sorted[n].first)));
  }
  return text.empty() ? "nothing is held" : text;
}

}  // namespace vineyard::server
