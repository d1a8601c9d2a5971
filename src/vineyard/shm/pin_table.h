// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "vineyard/base/ids.h"
#include "vineyard/os/membarrier.h"
#include "vineyard/shm/layout.h"

// The reader's hand on its own pin table: "I am reading X".
namespace vineyard::shm {

/// Which barrier a reader needs between its pin and its look at the entry (R1).
enum class PinBarrier : std::uint8_t {
  kLight,  ///< the process is registered: the worker's membarrier does the work
  kFence,  ///< no membarrier here or there, or not registered yet
};

inline void pin_barrier(PinBarrier barrier) {
  if (barrier == PinBarrier::kLight) {
    os::light_barrier();
  } else {
    os::full_fence();
  }
}

/// Says so before a slot at or beyond the mark is first used: the worker scans no further.
inline void raise_high_water(PinTable& table, std::uint32_t slots) {
  table.high_water.store(slots, std::memory_order_release);
}

/// R1: the store, then the barrier; only then may the caller look at the entry.
inline void store_pin(PinTable& table, std::uint32_t slot, ObjectId id, PinBarrier barrier) {
  // Release: a scan that sees this pin sees all that this reader did under the slot's pin before.
  table.slots[slot].store(id.value, std::memory_order_release);
  pin_barrier(barrier);
}

/// Release: every load of the view comes before it.
inline void clear_pin(PinTable& table, std::uint32_t slot) {
  table.slots[slot].store(0, std::memory_order_release);
}

}  // namespace vineyard::shm
