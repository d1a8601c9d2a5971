// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/name_table.h"

#include <array>
#include <atomic>

#include "vineyard/os/membarrier.h"
#include "vineyard/shm/copy_out.h"
#include "vineyard/shm/name_hash.h"

namespace vineyard::shm {
namespace {
constexpr auto kRelaxed = std::memory_order_relaxed;
}

NameLookup::NameLookup(const Region& region, std::string_view name)
    : region_(region), name_(name), hash_(name_hash(name)) {
  // Reading an untouched page would allocate it.
  if (region.header.names_used.load(kRelaxed) == 0) probe_ = limits::kNames;
}

std::optional<NameCandidate> NameLookup::next() {
  while (probe_ < limits::kNames) {
    const auto slot = static_cast<std::uint32_t>((hash_ + probe_++) % limits::kNames);
    const NameSlot& s = region_.names[slot];
    // Acquire: partner of the worker's release store after hash, place and length (worker/names).
    const std::uint64_t id = s.id.load(std::memory_order_acquire);
    if (id == 0) {
      probe_ = limits::kNames;
      return std::nullopt;
    }
    if (id == kNameTombstone || s.hash.load(kRelaxed) != hash_) continue;
    const std::uint64_t length = s.length.load(kRelaxed);
    if (length != name_.size()) continue;
    return NameCandidate{slot, ObjectId(id), {Place(s.place.load(kRelaxed)), length}};
  }
  return std::nullopt;
}

bool NameLookup::is_it(const NameCandidate& candidate, std::span<const std::byte> bytes) const {
  if (bytes.size() != name_.size() || bytes.size() > limits::kMaxName) return false;
  std::array<char, limits::kMaxName> copy;
  copy_out(copy.data(), bytes.data(), bytes.size());
  if (std::string_view(copy.data(), bytes.size()) != name_) return false;
  // The bytes may have been freed and written again meanwhile, and the slot too: it must still say
  // the same.
  os::copies_before_look();
  const NameSlot& s = region_.names[candidate.slot];
  return s.id.load(kRelaxed) == candidate.id.value && s.hash.load(kRelaxed) == hash_ &&
         s.place.load(kRelaxed) == candidate.bytes.place.bits &&
         s.length.load(kRelaxed) == name_.size();
}

}  // namespace vineyard::shm
