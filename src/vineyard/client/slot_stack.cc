// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/slot_stack.h"

#include "vineyard/base/try.h"

namespace vineyard::client {

Result<SlotStack> SlotStack::create(std::uint32_t slots) {
  VY_TRY(auto memory, os::MappedRegion::map_anonymous(ByteCount(slots * sizeof(Slot))));
  return SlotStack(std::move(memory));
}

std::uint32_t SlotStack::take_all() noexcept {
  std::uint64_t head = head_.load(std::memory_order_acquire);
  while (!head_.compare_exchange_weak(head, tagged(head, 0), std::memory_order_acquire)) {
  }
  taken_ = low(head);
  std::uint32_t count = 0;
  for (std::uint32_t s = taken_; s != 0; s = slots_[s - 1].next.load(std::memory_order_relaxed)) {
    ++count;
  }
  return count;
}

void SlotStack::put_back() noexcept {
  for (std::uint32_t s = taken_; s != 0;) {
    const std::uint32_t next = slots_[s - 1].next.load(std::memory_order_relaxed);
    push(s - 1);
    s = next;
  }
  taken_ = 0;
}

}  // namespace vineyard::client
