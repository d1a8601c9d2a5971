// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/arenas.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "vineyard/base/check.h"
#include "vineyard/base/failpoint.h"
#include "vineyard/base/try.h"
#include "vineyard/base/units.h"
#include "vineyard/os/mapping_lease.h"
#include "vineyard/os/memfd.h"

namespace vineyard::shm {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kRelease = std::memory_order_release;

std::uint64_t round_to_page(std::uint64_t n) {
  return (n + 4095) & ~std::uint64_t{4095};
}

// details 4: 64 MiB, larger for very large pools, so that a reader of everything stays below the mapping limit; and
// never more than a sixteenth of a small pool, so that several writers fit and an arena can be emptied when it is full.
std::uint64_t full_arena_for(std::uint64_t pool) {
  const std::uint64_t wanted = std::max(limits::kLargestSmallArena, std::bit_ceil(pool / 8192 + 1));
  return std::max(limits::kFirstArena,
                  std::min(wanted, std::bit_floor(std::max<std::uint64_t>(pool / 16, 1))));
}

// A 64th of the pool, so that little is lost to it; not so small that a fast client needs many (each is a descriptor).
std::uint64_t home_arena_for(std::uint64_t pool) {
  const std::uint64_t least =
      std::clamp<std::uint64_t>(std::bit_floor(pool / 16), 1U << 20, 4U << 20);
  return std::clamp<std::uint64_t>(std::bit_floor(pool / 64), least, 64U << 20);
}

}  // namespace

Arenas::Arenas(Region& region, Holds& holds, std::uint64_t pool_bytes)
    : region_(region),
      holds_(holds),
      pool_bytes_(pool_bytes),
      full_arena_(full_arena_for(pool_bytes)),
      home_arena_(home_arena_for(pool_bytes)) {
  region_.header.pool_bytes.store(pool_bytes, kRelaxed);
  region_.header.arena_bytes.store(full_arena_, kRelaxed);
}

// ---------------------------------------------------------------------------------------------- clients' arenas

Result<std::uint32_t> Arenas::next_number() {
  const std::uint64_t used = region_.header.next_arena.load(kRelaxed);
  if (used >= 0xffffffffU)
    return Error(ErrorCode::kFull, "all arena numbers of this instance are used up; restart it");
  region_.header.next_arena.store(used + 1, kRelaxed);
  return static_cast<std::uint32_t>(used + 1);
}

Result<std::uint32_t> Arenas::create(std::uint64_t size, std::uint64_t owner,
                                     std::uint64_t request) {
  if (size > limits::kMaxObject || used_bytes_ + round_to_page(size) > pool_bytes_) {
    return Error(ErrorCode::kFull,
                 fmt::format("{} asked for, {} free of {}", to_string(ByteCount(size)),
                             to_string(ByteCount(pool_bytes_ - std::min(used_bytes_, pool_bytes_))),
                             to_string(ByteCount(pool_bytes_))));
  }
  size = round_to_page(size);
  VY_TRY(const auto number, next_number());
  VY_TRY(auto fd, os::create_memfd("vineyard-arena", ByteCount(size)));
  std::vector<Held> items(1);
  items[0].facts = {Kind::kClientArena, number, owner, request, size};
  items[0].fd = std::move(fd);
  VY_TRY(holds_.add(std::move(items)));
  VY_FAILPOINT("arena.held");
  uses_[number].size = size;
  used_bytes_ += size;
  return number;
}

Result<void> Arenas::assign(std::uint32_t arena, std::uint64_t owner, std::uint64_t request) {
  Held* held = holds_.find(Kind::kClientArena, arena);
  VY_CHECK(held != nullptr && held->facts.owner == 0);
  return holds_.reassign(*held, owner, request);
}

void Arenas::drop_spare(std::uint32_t arena) {
  const auto it = uses_.find(arena);
  if (it == uses_.end() || !holds_.drop(Kind::kClientArena, arena)) return;
  used_bytes_ -= it->second.size;
  uses_.erase(it);
}

Result<std::uint32_t> Arenas::list_and_seal(std::uint32_t arena, std::uint32_t control) {
  Held* held = holds_.find(Kind::kClientArena, arena);
  ClientControl& c = region_.clients[control];
  if (held == nullptr || held->facts.owner != c.serial.load(kRelaxed)) {
    return Error(ErrorCode::kNotFound, fmt::format("arena {} is not yours", arena));
  }
  std::uint32_t k = 0;
  while (k < limits::kArenasPerClient && c.arenas[k].load(kRelaxed) != arena) ++k;
  if (k == limits::kArenasPerClient) {
    for (k = 0; k < limits::kArenasPerClient && c.arenas[k].load(kRelaxed) != 0;) ++k;
  }
  if (k == limits::kArenasPerClient) {
    return Error(ErrorCode::kFull,
                 fmt::format("this client has {} arenas already, the most there may be: drop one",
                             limits::kArenasPerClient));
  }
  ArenaUse& use = uses_[arena];
  use.listed = true;
  use.control = control;
  use.list_number = k;
  publish_count(use);
  c.arenas[k].store(arena, kRelease);
  VY_FAILPOINT("arena.listed");
  VY_TRY(os::seal_against_new_writers(held->fd));
  return k;
}

void Arenas::unlist(std::uint32_t control, std::uint32_t list_number) {
  if (list_number >= limits::kArenasPerClient) return;
  ClientControl& c = region_.clients[control];
  const auto arena = static_cast<std::uint32_t>(c.arenas[list_number].load(kRelaxed));
  if (arena == 0) return;
  c.arenas[list_number].store(0, kRelease);
  if (const auto it = uses_.find(arena); it != uses_.end()) it->second.listed = false;
}

void Arenas::unlist_all(std::uint32_t control) {
  for (std::uint32_t k = 0; k < limits::kArenasPerClient; ++k) unlist(control, k);
}

std::optional<Place> Arenas::confined(std::uint32_t control, std::uint64_t place,
                                      std::uint64_t size) const {
  const std::uint64_t k = place >> 32;
  if (VY_LEFT_OUT("R15")) {
    const auto any = uses_.find(static_cast<std::uint32_t>(k));
    const bool inside = any != uses_.end() &&
                        lies_within((place & 0xffffffffU) * Place::kUnit, size, any->second.size);
    if (inside && size > 0) return Place(place);
  }
  if (k >= limits::kArenasPerClient) return std::nullopt;
  const ClientControl& c = region_.clients[control];
  const auto arena = static_cast<std::uint32_t>(c.arenas[k].load(kRelaxed));
  const auto it = uses_.find(arena);
  if (arena == 0 || it == uses_.end() || !it->second.listed || it->second.control != control)
    return std::nullopt;
  const std::uint64_t offset = (place & 0xffffffffU) * Place::kUnit;
  if (offset >= it->second.size || size > it->second.size - offset) return std::nullopt;
  return Place(ArenaId{arena}, offset);
}

bool Arenas::orphaned(std::uint32_t arena) const {
  const auto it = uses_.find(arena);
  if (it == uses_.end() || it->second.is_home || it->second.listed) return false;
  Held* held = holds_.find(Kind::kClientArena, arena);
  if (held == nullptr || held->facts.owner == 0) return false;
  if (os::is_sealed(held->fd)) return true;  // sealed and not listed: given up
  return holds_.find(Kind::kConnection, held->facts.owner) == nullptr;
}

// ---------------------------------------------------------------------------------------------- entries

void Arenas::publish_count(const ArenaUse& use) {
  if (!use.listed) return;
  region_.clients[use.control].arena_present[use.list_number].store(use.entries, kRelease);
}

void Arenas::entered(Extent extent) {
  ArenaUse& use = uses_[extent.place.arena().value];
  ++use.entries;
  use.bytes += extent_step(extent.size);
  publish_count(use);
}

void Arenas::left(Extent extent) {
  const auto it = uses_.find(extent.place.arena().value);
  VY_CHECK(it != uses_.end() && it->second.entries > 0);
  --it->second.entries;
  it->second.bytes -= extent_step(extent.size);
  publish_count(it->second);
}

const ArenaUse* Arenas::use(std::uint32_t arena) const {
  const auto it = uses_.find(arena);
  return it == uses_.end() ? nullptr : &it->second;
}

const std::byte* Arenas::bytes(Extent extent) {
  const std::uint32_t arena = extent.place.arena().value;
  const auto it = uses_.find(arena);
  if (it == uses_.end() || !lies_within(extent.place.offset(), extent.size, it->second.size))
    return nullptr;
  const auto base = holds_.see(it->second.is_home ? Kind::kHomeArena : Kind::kClientArena, arena);
  return base ? *base + extent.place.offset() : nullptr;
}

// ---------------------------------------------------------------------------------------------- home

ExtentAllocator* Arenas::extents(std::uint32_t arena) {
  const auto it = homes_.find(arena);
  return it == homes_.end() ? nullptr : &it->second;
}

Result<std::uint32_t> Arenas::create_home(std::uint64_t size) {
  VY_TRY(const auto number, next_number());
  VY_TRY(auto fd, os::create_memfd("vineyard-home", ByteCount(size)));
  std::vector<Held> items(1);
  items[0].facts = {Kind::kHomeArena, number, 0, 0, size};
  items[0].fd = std::move(fd);
  VY_TRY(holds_.add(
      std::move(items)));  // supervisor, standby and this process map it, then nobody else can
  VY_FAILPOINT("home.held");
  VY_TRY(os::seal_against_new_writers(holds_.find(Kind::kHomeArena, number)->fd));
  ArenaUse& use = uses_[number];
  use.is_home = true;
  use.size = size;
  used_bytes_ += size;
  homes_.emplace(number, ExtentAllocator(static_cast<std::uint32_t>(size / Place::kUnit)));
  return number;
}

Result<HomeExtent> Arenas::take_home(std::uint64_t size, Beyond beyond) {
  if (size > limits::kMaxDocument) {
    return Error(
        ErrorCode::kFull,
        fmt::format("{} are more than the worker takes into its own memory ({})",
                    to_string(ByteCount(size)), to_string(ByteCount(limits::kMaxDocument))));
  }
  const auto units = static_cast<std::uint32_t>(extent_step(size) / Place::kUnit);
  const auto from = [&](std::uint32_t arena) -> std::optional<HomeExtent> {
    ExtentAllocator* e = extents(arena);
    if (e == nullptr || uses_[arena].retired) return std::nullopt;
    const auto run = e->allocate(units);
    if (!run) return std::nullopt;
    last_home_ = arena;
    return HomeExtent{Place(ArenaId{arena}, std::uint64_t{run->offset} * Place::kUnit),
                      run->handle};
  };
  if (auto there = from(last_home_)) return *there;
  for (const auto& [arena, e] : homes_) {
    if (auto there = from(arena)) return *there;
  }
  const std::uint64_t needed = std::max(home_arena_, round_to_page(extent_step(size)));
  const std::uint64_t limit = pool_bytes_ + (beyond == Beyond::kWhileMoving ? full_arena_ : 0);
  if (beyond != Beyond::kIfNeeded && used_bytes_ + needed > limit) {
    return Error(ErrorCode::kFull, "no room in the worker's arenas and none left in the pool");
  }
  VY_TRY(auto fresh, create_home(needed));
  const auto there = from(fresh);
  VY_CHECK(there.has_value());
  return *there;
}

std::byte* Arenas::home_bytes(Place place) {
  Held* held = holds_.find(Kind::kHomeArena, place.arena().value);
  VY_CHECK(held != nullptr && held->writable.valid() && place.offset() < held->facts.size);
  return held->writable.data() + place.offset();
}

void Arenas::free_home(HomeExtent extent) {
  ExtentAllocator* e = extents(extent.place.arena().value);
  VY_CHECK(e != nullptr);
  e->free(extent.handle);
}

bool Arenas::is_home(Place place) const {
  return homes_.contains(place.arena().value);
}

std::uint64_t Arenas::home_free_bytes() const {
  std::uint64_t units = 0;
  for (const auto& [arena, e] : homes_) units += e.free_units();
  return units * Place::kUnit;
}

std::uint64_t Arenas::room_for_moves() const {
  const std::uint64_t limit = pool_bytes_ + full_arena_;
  const std::uint64_t fresh = used_bytes_ < limit ? (limit - used_bytes_) / home_arena_ : 0;
  const std::uint64_t free = home_free_bytes();
  return fresh * home_arena_ + (free > reserved_ ? free - reserved_ : 0);
}

std::uint64_t Arenas::home_free_units(std::uint32_t arena) const {
  const auto it = homes_.find(arena);
  return it == homes_.end() ? 0 : it->second.free_units();
}

bool Arenas::reserve_home(std::uint64_t bytes) {
  while (home_free_bytes() < reserved_ + bytes) {
    if (used_bytes_ + home_arena_ > pool_bytes_ || !create_home(home_arena_)) return false;
  }
  reserved_ += bytes;
  return true;
}

// ---------------------------------------------------------------------------------------------- the end of arenas

void Arenas::announce_retired(std::uint32_t arena) {
  ArenaUse& use = uses_[arena];
  if (use.retired) return;
  use.retired = true;
  RegionHeader& h = region_.header;
  const std::uint64_t n = h.retired_count.load(kRelaxed);
  h.retired[n % limits::kRetiredRing].store(arena, kRelaxed);
  h.retired_count.store(n + 1, kRelease);
}

std::uint64_t Arenas::sweep() {
  std::vector<std::uint32_t> empty;
  std::size_t empty_homes = 0;
  std::uint64_t free_at_home = home_free_bytes();
  for (const auto& [arena, use] : uses_) {
    if (use.entries != 0) continue;
    if (use.is_home) {
      // One empty arena of our own stays warm for the next documents.
      if (!extents(arena)->empty() || (!use.retired && ++empty_homes == 1)) continue;
      if (reserved_ + use.size > free_at_home) continue;
      free_at_home -= use.size;
      empty.push_back(arena);
    } else if (orphaned(arena)) {
      empty.push_back(arena);
    }
  }
  std::uint64_t given_back = 0;
  for (std::uint32_t arena : empty) {
    announce_retired(arena);
    VY_FAILPOINT("sweep.announced");
    const Kind kind = uses_[arena].is_home ? Kind::kHomeArena : Kind::kClientArena;
    const auto free = os::nobody_maps(holds_.find(kind, arena)->fd);
    if (!free || !*free) continue;  // until then it counts as used
    const std::uint64_t size = uses_[arena].size;
    if (!holds_.drop(kind, arena)) continue;
    uses_.erase(arena);
    homes_.erase(arena);
    used_bytes_ -= size;
    given_back += size;
  }
  return given_back;
}

// ---------------------------------------------------------------------------------------------- rebuild

void Arenas::begin_rebuild() {
  uses_.clear();
  homes_.clear();
  used_bytes_ = 0;
  for (Kind kind : {Kind::kClientArena, Kind::kHomeArena}) {
    for (auto& [number, held] : holds_.all(kind)) {
      ArenaUse& use = uses_[static_cast<std::uint32_t>(number)];
      use.size = held.facts.size;
      use.is_home = kind == Kind::kHomeArena;
      used_bytes_ += use.size;
      // A predecessor may have died between keeping, listing and sealing it.
      if (use.is_home) (void)os::seal_against_new_writers(held.fd);
    }
  }
  const auto clients = region_.header.clients_touched.load(kRelaxed);
  for (std::uint32_t c = 0; c < clients; ++c) {
    for (std::uint32_t k = 0; k < limits::kArenasPerClient; ++k) {
      const auto arena = static_cast<std::uint32_t>(region_.clients[c].arenas[k].load(kRelaxed));
      const auto it = uses_.find(arena);
      if (arena == 0 || it == uses_.end()) continue;
      it->second.listed = true;
      it->second.control = c;
      it->second.list_number = k;
      (void)os::seal_against_new_writers(holds_.find(Kind::kClientArena, arena)->fd);
    }
  }
  const RegionHeader& h = region_.header;
  const std::uint64_t retired = h.retired_count.load(kRelaxed);
  for (std::uint64_t n = retired > limits::kRetiredRing ? retired - limits::kRetiredRing : 0;
       n < retired; ++n) {
    const auto it =
        uses_.find(static_cast<std::uint32_t>(h.retired[n % limits::kRetiredRing].load(kRelaxed)));
    if (it != uses_.end()) it->second.retired = true;
  }
}

std::uint64_t Arenas::rebuild_home(
    std::vector<Found> found,
    const std::function<void(std::uint32_t, ExtentAllocator::Handle)>& set_handle) {
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return a.extent.place.bits < b.extent.place.bits;
  });
  std::uint64_t broken = 0;
  for (const auto& [number, held] : holds_.all(Kind::kHomeArena)) {
    const auto units = static_cast<std::uint32_t>(held.facts.size / Place::kUnit);
    auto& e = homes_.try_emplace(static_cast<std::uint32_t>(number), units).first->second;
    e.begin_rebuild();
  }
  for (const Found& f : found) {
    ExtentAllocator* e = extents(f.extent.place.arena().value);
    ExtentAllocator::Handle handle = ExtentAllocator::kNone;
    const auto offset = static_cast<std::uint32_t>(f.extent.place.offset() / Place::kUnit);
    const auto units = static_cast<std::uint32_t>(extent_step(f.extent.size) / Place::kUnit);
    if (e == nullptr || !e->rebuild_taken(offset, units, &handle)) ++broken;
    set_handle(f.owner_tag, handle);
  }
  for (auto& [arena, e] : homes_) e.finish_rebuild();
  return broken;
}

void Arenas::finish_rebuild() {
  for (const auto& [arena, use] : uses_) publish_count(use);
}

std::optional<std::string> Arenas::check_consistency() {
  std::uint64_t total = 0;
  for (const auto& [arena, use] : uses_) {
    total += use.size;
    // Not so for clients' arenas: a writer may name the same bytes in many records (R15).
    if (use.is_home && use.bytes > use.size)
      return fmt::format("arena {} holds more than its size", arena);
    if (const ExtentAllocator* e = extents(arena)) {
      if (auto broken = e->check_consistency()) return fmt::format("arena {}: {}", arena, *broken);
    }
  }
  if (total != used_bytes_)
    return fmt::format("arenas sum to {} bytes, counted {}", total, used_bytes_);
  return std::nullopt;
}

}  // namespace vineyard::shm
