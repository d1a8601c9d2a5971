// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/slot_pool.h"

#include <algorithm>
#include <bit>

#include "vineyard/base/try.h"

namespace vineyard::client {
namespace internal {
constinit thread_local std::uint32_t thread_lane = 0;
}  // namespace internal

namespace {

constexpr std::uint32_t kHalfLane = SlotPool::kLaneSlots / 2;
constexpr std::uint32_t kWordBits = 64;

// Which lanes threads have; a thread has the same one in every pool. No lock: a child could find it
// taken.
std::atomic<std::uint64_t> lanes_taken[SlotPool::kLanes / kWordBits]{1};  // lane 0 is nobody's
std::atomic<std::uint32_t> lanes_ever{1};

std::uint64_t bit_of(std::uint32_t lane) {
  return std::uint64_t{1} << (lane % kWordBits);
}

// The lowest lane that is free, or 0.
std::uint32_t claim_lane() noexcept {
  for (std::uint32_t w = 0; w < std::size(lanes_taken); ++w) {
    std::uint64_t bits = lanes_taken[w].load(std::memory_order_relaxed);
    while (bits != ~std::uint64_t{0}) {
      const auto lane = w * kWordBits + static_cast<std::uint32_t>(std::countr_one(bits));
      // Acquire: partner of the release in ~LaneHolder, whose thread wrote the lane before.
      if (lanes_taken[w].compare_exchange_weak(bits, bits | bit_of(lane), std::memory_order_acquire,
                                               std::memory_order_relaxed)) {
        return lane;
      }
    }
  }
  return 0;
}

/// This thread's hold on its lane number.
///
/// Owner:   the thread; gives the lane back when the thread ends.
/// Threads: one.
/// Always:  a thread that has given its lane back gets none again: views may be released later
///          still, by other objects that end with the thread.
class LaneHolder {
 public:
  LaneHolder() noexcept {
    internal::thread_lane = claim_lane();
    std::uint32_t ever = lanes_ever.load(std::memory_order_relaxed);
    while (ever <= internal::thread_lane &&
           !lanes_ever.compare_exchange_weak(ever, internal::thread_lane + 1)) {
    }
  }
  ~LaneHolder() {
    const std::uint32_t lane = std::exchange(internal::thread_lane, 0);
    if (lane == 0) return;
    lanes_taken[lane / kWordBits].fetch_and(~bit_of(lane), std::memory_order_release);
  }
  LaneHolder(const LaneHolder&) = delete;
  LaneHolder& operator=(const LaneHolder&) = delete;
};

// The first call in a thread gets it a lane, if there is one.
std::uint32_t own_lane() noexcept {
  thread_local const LaneHolder holder;
  static_cast<void>(holder);
  return internal::thread_lane;
}

}  // namespace

void internal::forget_lanes_of_other_threads() noexcept {
  for (std::uint32_t w = 0; w < std::size(lanes_taken); ++w) {
    std::uint64_t bits = w == 0 ? 1 : 0;
    if (thread_lane / kWordBits == w) bits |= bit_of(thread_lane);
    lanes_taken[w].store(bits, std::memory_order_relaxed);
  }
}

Result<os::MappedRegion> SlotPool::map_memory() {
  return os::MappedRegion::map_anonymous(ByteCount(sizeof(Memory)));
}

SlotPool::SlotPool(os::MappedRegion memory)
    : memory_(std::move(memory)),
      lanes_(memory_.as<Memory>()->lanes),
      slots_(memory_.as<Memory>()->slots),
      shared_(memory_.as<Memory>()->shared) {
  lanes_[0].count = kNobodys;
}

std::uint32_t SlotPool::take_slowly() noexcept {
  Lane& lane = lanes_[own_lane()];
  const bool has_lane = &lane != lanes_;
  if (!has_lane || lane.count == 0) {
    const std::lock_guard lock(mutex_);
    if (!has_lane) {
      if (shared_count_ == 0) return kNone;
      add_one(lane.taken);
      return shared_[--shared_count_];
    }
    const std::uint32_t moved = std::min(shared_count_, kHalfLane);
    shared_count_ -= moved;
    std::copy_n(shared_ + shared_count_, moved, lane.idle);
    lane.count = moved;
  }
  return lane.count == 0 ? kNone : pop(lane, lane.count - 1);
}

void SlotPool::give_slowly(std::uint32_t slot) noexcept {
  Lane& lane = lanes_[own_lane()];
  const bool has_lane = &lane != lanes_;
  if (!has_lane || lane.count == kLaneSlots) {
    const std::lock_guard lock(mutex_);
    if (!has_lane) {
      shared_[shared_count_++] = slot;
      add_one(lane.given);
      return;
    }
    lane.count -= kHalfLane;
    std::copy_n(lane.idle + lane.count, kHalfLane, shared_ + shared_count_);
    shared_count_ += kHalfLane;
  }
  push(lane, slot);
}

void SlotPool::add(std::uint32_t first, std::uint32_t count) noexcept {
  Lane& lane = lanes_[own_lane()];
  if (&lane != lanes_ && lane.count + count <= kLaneSlots) {
    for (std::uint32_t s = first + count; s > first; --s) lane.idle[lane.count++] = s - 1;
    return;
  }
  const std::lock_guard lock(mutex_);
  for (std::uint32_t s = first + count; s > first; --s) shared_[shared_count_++] = s - 1;
}

// What was given is read before what was taken, so that a slot on its way from one thread to another is
// rather counted twice as taken than twice as given: whoever sees that it was given sees that it was
// taken before. The lock is for lane 0, and lets a thread that gives its slot there leave the mutex
// before the context goes.
std::uint64_t SlotPool::in_use() const noexcept {
  const std::lock_guard lock(mutex_);
  const auto sum = [&](std::atomic<std::uint64_t> Lane::* count) {
    const std::uint32_t lanes = lanes_ever.load(std::memory_order_acquire);
    std::uint64_t all = 0;
    for (std::uint32_t n = 0; n < lanes; ++n)
      all += (lanes_[n].*count).load(std::memory_order_acquire);
    return all;
  };
  const std::uint64_t given = sum(&Lane::given);
  return sum(&Lane::taken) - given;
}

}  // namespace vineyard::client
