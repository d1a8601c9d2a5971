// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/pin_scan.h"

#include <algorithm>
#include <bit>

#include "vineyard/shm/layout.h"

namespace vineyard::shm {

PinMarks::PinMarks(std::size_t expected)
    : slots_(std::bit_ceil(std::max<std::size_t>(expected * 2, 8))), mask_(slots_.size() - 1) {}

std::size_t PinMarks::find(std::uint64_t id) const {
  std::size_t at = static_cast<std::size_t>((id * 0x9e3779b97f4a7c15ULL) >> 20) & mask_;
  while (slots_[at].id != 0 && slots_[at].id != id) at = (at + 1) & mask_;
  return at;
}

void PinMarks::add(ObjectId id) {
  slots_[find(id.without_blob_bit().value)].id = id.without_blob_bit().value;
}

void PinMarks::see(ObjectId pinned) {
  Slot& slot = slots_[find(pinned.without_blob_bit().value)];
  if (slot.id != 0) slot.pinned = true;
}

bool PinMarks::is_pinned(ObjectId id) const {
  const Slot& slot = slots_[find(id.without_blob_bit().value)];
  return slot.id != 0 && slot.pinned;
}

namespace {

template <class See>
bool each_pin(Holds& holds, const std::vector<ObjectId>& own_pins, See see) {
  for (const auto& [number, held] : holds.all(Kind::kPinTable)) {
    const auto bytes = holds.see(Kind::kPinTable, number);
    if (!bytes) return false;
    const auto* table = reinterpret_cast<const PinTable*>(*bytes);
    // Acquire: partner of the reader's raise of the mark before it first uses a slot (shm/pin_table). A client can
    // write any number here; it spoils only its own pins.
    const std::uint64_t used = std::min<std::uint64_t>(
        table->high_water.load(std::memory_order_acquire), limits::kPinSlots);
    for (std::uint64_t s = 0; s < used; ++s) {
      // Acquire: partner of the reader's release store when it lets go: its reads of the bytes are over.
      const std::uint64_t id = table->slots[s].load(std::memory_order_acquire);
      if (id != 0) see(ObjectId(id));
    }
  }
  for (ObjectId id : own_pins) see(id);
  return true;
}

}  // namespace

bool scan_pins(Holds& holds, const std::vector<ObjectId>& own_pins, PinMarks& marks) {
  return each_pin(holds, own_pins, [&](ObjectId id) { marks.see(id); });
}

std::vector<ObjectId> pinned_now(Holds& holds, const std::vector<ObjectId>& own_pins) {
  std::vector<ObjectId> pinned;
  (void)each_pin(holds, own_pins, [&](ObjectId id) { pinned.push_back(id); });
  return pinned;
}

}  // namespace vineyard::shm
