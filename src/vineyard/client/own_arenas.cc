// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/own_arenas.h"

#include <algorithm>
#include <bit>

#include "vineyard/base/check.h"

namespace vineyard::client {
namespace {
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kPopulateAhead = std::uint64_t{4} << 20;
// From this many arenas on, those that are full are given back to the instance, which moves or
// drops them.
constexpr std::uint32_t kComfortable = limits::kArenasPerClient - 16;
// An arena of one object is used for another one that fills at least half of it.
constexpr std::uint64_t kSlack = 2;
}  // namespace

std::uint64_t OwnArenas::next_size(std::uint64_t size) const {
  const std::uint64_t whole = (extent_step(size) + kPage - 1) / kPage * kPage;
  if (use_for(size) == Use::kOneObject) return whole;
  const std::uint64_t step = std::min<std::uint64_t>(grown_, 20);
  const std::uint64_t grown = std::min(limits::kFirstArena << step, full_size_);
  return std::max(grown, std::min(std::bit_ceil(whole * 2), full_size_));
}

std::optional<Reserved> OwnArenas::reserve_in(Arena& arena, std::uint64_t size) {
  const auto offset = arena.writer.reserve(size);
  if (!offset) return std::nullopt;
  arena.used_at = ++clock_;
  if (arena.use == Use::kLog) current_ = &arena;
  return Reserved{{arena.writer.arena().value, arena.writer.list_number(), *offset, size},
                  arena.writer.bytes().subspan(*offset, size),
                  arena.writer.claim_untouched(*offset, extent_step(size), kPopulateAhead)};
}

bool OwnArenas::fits(const Arena& arena, Use use, std::uint64_t size) const {
  if (arena.use != use || arena.writer.size() < extent_step(size)) return false;
  return use == Use::kLog || arena.writer.used() == 0 ||
         arena.writer.size() <= extent_step(size) * kSlack;
}

std::optional<Reserved> OwnArenas::reserve(std::uint64_t size, const shm::Grants& grants) {
  const Use use = use_for(size);
  if (use == Use::kLog && current_ != nullptr) {
    if (auto reserved = reserve_in(*current_, size)) return reserved;
  }
  Arena* hottest = nullptr;
  for (const Owned& a : arenas_) {
    if (a == nullptr || !fits(*a, use, size)) continue;
    if (use == Use::kLog || a->writer.used() == 0) {
      if (auto reserved = reserve_in(*a, size)) return reserved;
    }
    if ((hottest == nullptr || a->used_at > hottest->used_at) && a->writer.is_empty(grants)) {
      hottest = a.get();
    }
  }
  if (hottest == nullptr) return std::nullopt;
  hottest->writer.start_again();  // R6: nothing of the round before is left in it
  return reserve_in(*hottest, size);
}

bool OwnArenas::add(Owned& arena) {
  const std::uint32_t number = arena->writer.list_number();
  VY_CHECK(number < limits::kArenasPerClient);
  if (arenas_[number] != nullptr) return false;
  if (arena->use == Use::kLog) ++grown_;
  arena->used_at = ++clock_;
  arenas_[number] = std::move(arena);
  return true;
}

OwnArenas::Owned OwnArenas::take_out(Owned& arena) {
  if (arena.get() == current_) current_ = nullptr;
  return std::move(arena);
}

std::uint32_t OwnArenas::count() const {
  return static_cast<std::uint32_t>(
      std::count_if(arenas_.begin(), arenas_.end(), [](const Owned& a) { return a != nullptr; }));
}

std::vector<OwnArenas::Owned> OwnArenas::take_spare(Need need, const shm::Grants& grants) {
  std::vector<Owned> taken;
  if (need == Need::kMemory) {
    for (Owned& a : arenas_) {
      if (a != nullptr && a->writer.is_empty(grants)) taken.push_back(take_out(a));
    }
    return taken;
  }
  while (count() > kComfortable) {
    Owned* oldest = nullptr;
    for (Owned& a : arenas_) {
      if (a == nullptr || !a->writer.is_settled(grants)) continue;
      if (oldest == nullptr || a->used_at < (*oldest)->used_at) oldest = &a;
    }
    if (oldest == nullptr) break;
    taken.push_back(take_out(*oldest));
  }
  return taken;
}

bool OwnArenas::waits_for_harvest(const shm::Grants& grants) const {
  return std::any_of(arenas_.begin(), arenas_.end(), [&](const Owned& a) {
    return a != nullptr && a->writer.open() == 0 && !a->writer.is_settled(grants);
  });
}

OwnArenas::Arena* OwnArenas::find(const Reservation& where) const {
  if (where.list_number >= limits::kArenasPerClient) return nullptr;
  Arena* arena = arenas_[where.list_number].get();
  return arena != nullptr && arena->writer.arena().value == where.arena ? arena : nullptr;
}

std::vector<OwnArenas::Owned> OwnArenas::take_closed() {
  std::vector<Owned> taken;
  for (Owned& a : arenas_) {
    if (a != nullptr && a->writer.open() == 0) taken.push_back(take_out(a));
  }
  return taken;
}

}  // namespace vineyard::client
