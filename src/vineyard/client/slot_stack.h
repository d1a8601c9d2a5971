// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "vineyard/base/result.h"
#include "vineyard/os/mapped_region.h"

namespace vineyard::client {

/// What this process notes about one pin slot. Private memory: a fork copies it, nobody else writes
/// it.
struct Slot {
  std::atomic<std::uint64_t> held;     // the id that is pinned; 0: none
  std::atomic<std::uint64_t> mapping;  // the mapping that is in use under the pin; 0: none
  std::atomic<std::uint32_t> next;     // of the free list, slot + 1
  std::uint32_t reserved[3];
};
static_assert(sizeof(Slot) == 32, "two slots to a cache line, none across two");

/// The slots of one context, and those of them that are free: a stack without locks (Treiber,
/// "Systems Programming: Coping with Parallelism", 1986), whose head carries a tag so that a slot
/// that left and came back is noticed.
///
/// Owner:   the context's Pins.
/// Threads: any number at once. One locked instruction for each push and pop; no system call, no
///          allocation.
/// Always:  a slot is on the stack or in one thread's hands.
class SlotStack {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  /// Room for `slots` slots; takes memory as they are first used.
  static Result<SlotStack> create(std::uint32_t slots);
  SlotStack(SlotStack&& other) noexcept
      : memory_(std::move(other.memory_)), slots_(other.slots_), head_(other.head_.load()) {}

  [[nodiscard]] Slot& operator[](std::uint32_t slot) const { return slots_[slot]; }

  /// The slot that was pushed last; kNone when there is none.
  [[nodiscard]] std::uint32_t pop() noexcept {
    std::uint64_t head = head_.load(std::memory_order_acquire);
    while (low(head) != 0) {
      const std::uint32_t slot = low(head) - 1;
      const std::uint64_t rest = slots_[slot].next.load(std::memory_order_relaxed);
      // Acquire: partner of the push, so that this thread sees the slot as its last user left it.
      if (head_.compare_exchange_weak(head, tagged(head, rest), std::memory_order_acquire,
                                      std::memory_order_acquire)) {
        return slot;
      }
    }
    return kNone;
  }
  void push(std::uint32_t slot) noexcept {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    do {
      slots_[slot].next.store(low(head), std::memory_order_relaxed);
    } while (!head_.compare_exchange_weak(head, tagged(head, slot + 1), std::memory_order_release,
                                          std::memory_order_relaxed));
  }
  /// Empties the stack and says how many there were. They are not pushed again: the context ends.
  [[nodiscard]] std::uint32_t take_all() noexcept;
  /// Pushes back what `take_all` took: the first of them is still known.
  void put_back() noexcept;

 private:
  explicit SlotStack(os::MappedRegion memory)
      : memory_(std::move(memory)), slots_(memory_.as<Slot>()) {}
  static std::uint32_t low(std::uint64_t head) { return static_cast<std::uint32_t>(head); }
  static std::uint64_t tagged(std::uint64_t head, std::uint64_t next) {
    return (((head >> 32) + 1) << 32) | next;
  }

  os::MappedRegion memory_;
  Slot* slots_;
  alignas(64) std::atomic<std::uint64_t> head_{0};
  std::uint32_t taken_ = 0;
};

}  // namespace vineyard::client
