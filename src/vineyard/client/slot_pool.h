// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "vineyard/base/limits.h"
#include "vineyard/base/result.h"
#include "vineyard/os/mapped_region.h"

namespace vineyard::client {

/// What this process notes about one pin slot. Private memory: a fork copies it, nobody else writes
/// it.
struct Slot {
  std::atomic<std::uint64_t> held;     // the id that is pinned; 0: none
  std::atomic<std::uint64_t> mapping;  // the mapping that is in use under the pin; 0: none
};
static_assert(sizeof(Slot) == 16, "none lies across two cache lines");

namespace internal {
/// Which lane of every pool is this thread's; 0: none yet, or none any more.
extern constinit thread_local std::uint32_t thread_lane;
/// In a new child: the lanes of threads that it does not have are free again.
void forget_lanes_of_other_threads() noexcept;
}  // namespace internal

/// The slots of one context, and those of them that are idle. Every thread has a lane of its own, a
/// short stack of idle slots that no other thread touches; what is too many for it, or too few, is
/// exchanged with the shared stack half a lane at a time. The lane of a thread that ended goes to
/// the next that starts, with what is in it. A thread that gets no lane (there are `kLanes` - 1), or
/// that has given its lane back since it is about to end, uses the shared stack.
///
/// Slots that other threads keep idle cannot be had: up to `kLaneSlots` for each thread of the
/// process, of a million.
///
/// Owner:   the context's Pins.
/// Threads: any number at once. No locked instruction, no system call and no allocation while the
///          own lane does; the mutex is held for half a lane's copy.
/// Always:  a slot is in one lane, on the shared stack, or in one thread's hands. Whoever has given
///          its last slot does not touch the pool any more.
class SlotPool {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  static constexpr std::uint32_t kLaneSlots = 64;
  static constexpr std::uint32_t kLanes = 256;

  /// The memory of a pool, touched as it is used.
  [[nodiscard]] static Result<os::MappedRegion> map_memory();
  explicit SlotPool(os::MappedRegion memory);
  ~SlotPool() = default;
  SlotPool(const SlotPool&) = delete;
  SlotPool& operator=(const SlotPool&) = delete;

  [[nodiscard]] Slot& operator[](std::uint32_t slot) const { return slots_[slot]; }

  /// The idle slot that this thread gave last, or another one; kNone when there is none.
  [[nodiscard]] std::uint32_t take() noexcept {
    Lane& lane = lanes_[internal::thread_lane];
    const std::uint32_t top = lane.count - 1;
    if (top >= kLaneSlots) [[unlikely]]
      return take_slowly();
    return pop(lane, top);
  }
  void give(std::uint32_t slot) noexcept {
    Lane& lane = lanes_[internal::thread_lane];
    if (lane.count >= kLaneSlots) [[unlikely]]
      return give_slowly(slot);
    push(lane, slot);
  }
  /// Slots that were never used, as idle ones: for this thread, which found none. The lowest is
  /// taken first.
  void add(std::uint32_t first, std::uint32_t count) noexcept;

  /// Slots in somebody's hands. With 0 there are none and will be none, if slots are taken only by
  /// whoever holds one.
  [[nodiscard]] std::uint64_t in_use() const noexcept;

 private:
  // `count` of lane 0, which is nobody's, makes it look neither full nor empty but wrong: take and
  // give become slow there, and count for the shared stack.
  static constexpr std::uint32_t kNobodys = kLaneSlots + 1;
  struct alignas(64) Lane {
    std::uint32_t count;  // of idle slots
    std::uint32_t idle[kLaneSlots];
    std::atomic<std::uint64_t> taken;  // how often this lane's thread took a slot, in all
    std::atomic<std::uint64_t> given;
  };
  struct Memory {
    Lane lanes[kLanes];
    Slot slots[limits::kPinSlotsQuota];
    std::uint32_t shared[limits::kPinSlotsQuota];
  };

  // One thread writes a lane's counts, and others read them: no locked instruction is needed.
  static void add_one(std::atomic<std::uint64_t>& count) noexcept {
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  static std::uint32_t pop(Lane& lane, std::uint32_t top) noexcept {
    lane.count = top;
    add_one(lane.taken);
    return lane.idle[top];
  }
  static void push(Lane& lane, std::uint32_t slot) noexcept {
    lane.idle[lane.count++] = slot;
    add_one(lane.given);  // last: from now on the context may go
  }
  [[nodiscard]] std::uint32_t take_slowly() noexcept;
  void give_slowly(std::uint32_t slot) noexcept;

  os::MappedRegion memory_;
  Lane* lanes_;
  Slot* slots_;
  std::uint32_t* shared_;
  mutable std::mutex mutex_;  // for what follows, for what `shared_` has, and for lane 0
  std::uint32_t shared_count_ = 0;
};

}  // namespace vineyard::client
