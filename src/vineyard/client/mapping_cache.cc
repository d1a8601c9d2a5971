// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/mapping_cache.h"

#include <algorithm>
#include <string>
#include <vector>

#include "vineyard/base/check.h"
#include "vineyard/base/try.h"
#include "vineyard/client/process.h"

namespace vineyard::client {

Result<std::unique_ptr<MappingCache>> MappingCache::create(Pins& pins, std::uint64_t least_kept) {
  VY_TRY(auto cells, os::MappedRegion::map_anonymous(ByteCount(kCells * sizeof(Cell))));
  return std::unique_ptr<MappingCache>(new MappingCache(pins, std::move(cells), least_kept));
}

Mapping MappingCache::find_settled(MappingKey key) {
  const std::lock_guard lock(mutex_);
  return find(key);
}

std::optional<Place> MappingCache::place_of(const void* address) const {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  const std::lock_guard lock(mutex_);
  for (const Entry& e : entries_) {
    const Mapping m = read(cells_[e.cell]);
    const auto begin = reinterpret_cast<std::uintptr_t>(m.data);
    if (e.key.is_outbox() || at < begin || at - begin >= m.size) continue;
    if ((at - begin) % Place::kUnit != 0) return std::nullopt;
    return Place(ArenaId{static_cast<std::uint32_t>(e.key.number())}, at - begin);
  }
  return std::nullopt;
}

// The first cell on the key's way that is free; there is always one, since entries are fewer than
// cells.
std::uint32_t MappingCache::free_cell(MappingKey key) const {
  for (std::uint32_t i = start(key), n = 0; n < kCells; i = (i + 1) % kCells, ++n) {
    const std::uint64_t k = cells_[i].key.load(std::memory_order_relaxed);
    if (k == 0 || k == kGone) return i;
  }
  check_failed(__FILE__, __LINE__, "a free cell");
}

Result<Mapping> MappingCache::insert(MappingKey key, os::MappedRegion region,
                                     std::uint32_t control) {
  const std::lock_guard lock(mutex_);
  if (const Mapping there = find(key); there.data != nullptr) return there;
  if (evicted_.erase(key.value) != 0) bytes_kept_ += region.size();  // it went too early
  make_room(region.size());
  if (entries_.size() >= limits::kMappings) {
    return Error(ErrorCode::kFull, "this process has " + std::to_string(entries_.size()) +
                                       " arenas mapped and uses all of them: drop some views");
  }
  const std::uint32_t at = free_cell(key);
  Cell& cell = cells_[at];
  cell.data.store(region.data(), std::memory_order_relaxed);
  cell.size.store(region.size(), std::memory_order_relaxed);
  cell.control.store(control, std::memory_order_relaxed);
  cell.key.store(key.value, std::memory_order_release);
  bytes_ += region.size();
  entries_.push_back({key, at, std::move(region)});
  return read(cell);
}

// Beyond the bound the oldest mappings that nobody uses go, and also when there are too many.
void MappingCache::make_room(std::uint64_t bytes) {
  std::unordered_set<std::uint64_t> going;
  std::uint64_t going_bytes = 0;
  for (const Entry& e : entries_) {
    const bool bytes_fit = bytes_ + bytes <= bytes_kept_ + going_bytes;
    const bool count_fits = entries_.size() < limits::kMappings + going.size();
    if (bytes_fit && count_fits) break;
    going.insert(e.key.value);
    going_bytes += e.region.size();
  }
  if (evicted_.size() > limits::kMappings) evicted_.clear();
  evicted_.insert(going.begin(), going.end());
  for (const std::uint64_t key : unmap_unused(std::move(going))) evicted_.erase(key);
}

// Hide, barrier, look, unmap (details: 25). The lock is held.
std::unordered_set<std::uint64_t> MappingCache::unmap_unused(
    std::unordered_set<std::uint64_t> keys) {
  if (keys.empty()) return keys;
  std::vector<Entry*> hidden;
  for (Entry& e : entries_) {
    if (!keys.contains(e.key.value)) continue;
    cells_[e.cell].key.store(kGone, std::memory_order_relaxed);
    hidden.push_back(&e);
  }
  // A thread that found the mapping before has named it in its slot before that: seen now.
  private_barrier();
  const std::vector<std::uint64_t> used = pins_.mappings_in_use();
  keys.clear();
  for (Entry* e : hidden) {
    if (!std::binary_search(used.begin(), used.end(), e->key.value)) continue;
    cells_[e->cell].key.store(e->key.value, std::memory_order_release);
    keys.insert(e->key.value);
  }
  for (Entry* e : hidden) {  // not before all others are back: their ways lead over these cells
    if (keys.contains(e->key.value)) continue;
    free_cell_at(e->cell);
    bytes_ -= e->region.size();
    e->region.reset();
  }
  std::erase_if(entries_, [](const Entry& e) { return !e.region.valid(); });
  return keys;
}

// Where no key's way goes on behind it, a cell is as if never used: else misses would become slow
// in the long run.
void MappingCache::free_cell_at(std::uint32_t at) {
  if (cells_[(at + 1) % kCells].key.load(std::memory_order_relaxed) != 0) return;
  while (cells_[at].key.load(std::memory_order_relaxed) == kGone) {
    cells_[at].key.store(0, std::memory_order_relaxed);
    at = (at + kCells - 1) % kCells;
  }
}

std::size_t MappingCache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}
std::uint64_t MappingCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace vineyard::client
