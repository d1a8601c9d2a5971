// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/names.h"

#include <fmt/format.h>

#include <cstring>

#include "vineyard/base/failpoint.h"
#include "vineyard/base/try.h"
#include "vineyard/shm/name_hash.h"

namespace vineyard::shm {
namespace {
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kRelease = std::memory_order_release;
}  // namespace

std::optional<std::uint32_t> Names::free_slot(std::uint64_t hash) const {
  for (std::uint32_t probe = 0; probe < limits::kNames; ++probe) {
    const auto slot = static_cast<std::uint32_t>((hash + probe) % limits::kNames);
    const std::uint64_t id = region_.names[slot].id.load(kRelaxed);
    if (id == 0 || id == kNameTombstone) return slot;
  }
  return std::nullopt;
}

ObjectId Names::id_at(std::uint32_t slot) const {
  return ObjectId(region_.names[slot].id.load(kRelaxed));
}

std::optional<ObjectId> Names::get(std::string_view name) const {
  const auto it = sorted_.find(name);
  if (it == sorted_.end()) return std::nullopt;
  return id_at(it->second);
}

Result<void> Names::put(std::string_view name, ObjectId id, Mode mode) {
  if (name.empty() || name.size() > limits::kMaxName) {
    return Error(ErrorCode::kInvalid, fmt::format("a name has 1 to {} bytes, this one has {}",
                                                  limits::kMaxName, name.size()));
  }
  if (const auto it = sorted_.find(name); it != sorted_.end()) {
    if (mode == Mode::kIfAbsent) {
      return Error(ErrorCode::kExists, fmt::format("the name '{}' is in use for {}", name,
                                                   id_at(it->second).to_string()));
    }
    region_.names[it->second].id.store(id.value, kRelease);  // one store: old or new, never neither
    return {};
  }
  // Three quarters at most, so that probes stay short.
  if (sorted_.size() >= limits::kNames / 4 * 3) {
    return Error(ErrorCode::kFull, "the name table is full; drop names that are not used");
  }
  const std::uint64_t hash = name_hash(name);
  const auto slot = free_slot(hash);
  if (!slot) return Error(ErrorCode::kFull, "the name table is full; drop names that are not used");
  VY_TRY(auto home, arenas_.take_home(name.size(), Arenas::Beyond::kIfNeeded));
  std::memcpy(arenas_.home_bytes(home.place), name.data(), name.size());
  NameSlot& s = region_.names[*slot];
  if (s.id.load(kRelaxed) == 0) region_.header.names_used.fetch_add(1, kRelaxed);
  s.hash.store(hash, kRelaxed);
  s.place.store(home.place.bits, kRelaxed);
  s.length.store(name.size(), kRelaxed);
  VY_FAILPOINT("names.written");
  s.id.store(id.value, kRelease);  // partner: the acquire load in shm/name_table
  sorted_.emplace(name, *slot);
  handles_[*slot] = home.handle;
  return {};
}

void Names::release_bytes(std::uint32_t slot) {
  const auto it = handles_.find(slot);
  if (it == handles_.end()) return;
  const Place place(region_.names[slot].place.load(kRelaxed));
  if (it->second != ExtentAllocator::kNone) arenas_.free_home({place, it->second});
  handles_.erase(it);
}

bool Names::drop(std::string_view name) {
  const auto it = sorted_.find(name);
  if (it == sorted_.end()) return false;
  const std::uint32_t slot = it->second;
  region_.names[slot].id.store(kNameTombstone, kRelease);
  VY_FAILPOINT("names.dropped");
  release_bytes(slot);
  sorted_.erase(it);
  return true;
}

void Names::clear() {
  while (!sorted_.empty()) drop(std::string(sorted_.begin()->first));
}

void Names::collect(std::vector<Arenas::Found>& found) const {
  if (region_.header.names_used.load(kRelaxed) == 0) return;
  for (std::uint32_t slot = 0; slot < limits::kNames; ++slot) {
    const NameSlot& s = region_.names[slot];
    const std::uint64_t id = s.id.load(kRelaxed);
    if (id == 0 || id == kNameTombstone) continue;
    found.push_back({{Place(s.place.load(kRelaxed)), s.length.load(kRelaxed)}, kRebuildTag | slot});
  }
}

void Names::finish_rebuild() {
  sorted_.clear();
  for (const auto& [slot, handle] : handles_) {
    const NameSlot& s = region_.names[slot];
    const auto* bytes =
        reinterpret_cast<const char*>(arenas_.home_bytes(Place(s.place.load(kRelaxed))));
    sorted_.emplace(std::string(bytes, s.length.load(kRelaxed)), slot);
  }
}

}  // namespace vineyard::shm
