// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/pins.h"

#include <algorithm>
#include <string>

#include "vineyard/base/check.h"
#include "vineyard/base/try.h"
#include "vineyard/client/no_waiting.h"

namespace vineyard::client {
namespace {
// A pin costs some 30 ns more with fences, and registering a process with threads some 20 ms: a
// thread that has paid as much registers it.
constexpr std::uint32_t kFencedPins = 1U << 19;
// A cache line of the table: threads that pin at the same time do not write the same one.
constexpr std::uint32_t kFreshSlots = 8;
static_assert(limits::kPinSlots % kFreshSlots == 0);
}  // namespace

Result<std::unique_ptr<Pins>> Pins::create(Process& process, os::MappedRegion first,
                                           shm::PinBarrier barrier) {
  VY_TRY(auto slots, SlotPool::map_memory());
  std::unique_ptr<Pins> pins(new Pins(process, std::move(slots), barrier));
  VY_TRY(pins->add_table(std::move(first)));
  process.enlist(*pins);
  return pins;
}

Pins::~Pins() {
  process_.dismiss(*this);
  for (auto& spare : spares_) process_.unmap_own(spare);
}

Result<void> Pins::add_table(os::MappedRegion table) {
  const std::lock_guard lock(process_.fork_mutex());
  VY_TRY(process_.bequeath(table));
  tables_[mapped_.size()].store(table.as<shm::PinTable>(), std::memory_order_release);
  mapped_.push_back(std::move(table));
  return {};
}

Result<std::uint32_t> Pins::take_fresh_slot(TableSource& source) {
  const std::lock_guard lock(slow_mutex_);
  for (;;) {
    const std::uint32_t slot = slots_.take();  // given back while this thread waited for the lock
    if (slot != SlotPool::kNone) return slot;
    VY_TRY(add_fresh_slots(source));
  }
}

// The slow lock is held.
Result<void> Pins::add_fresh_slots(TableSource& source) {
  const std::uint32_t fresh = fresh_.load(std::memory_order_relaxed);
  if (fresh == mapped_.size() * limits::kPinSlots) {
    if (mapped_.size() == kTables) {
      return Error(ErrorCode::kFull, "this process holds " + std::to_string(slots_.in_use()) +
                                         " views, and has used up its quota of " +
                                         std::to_string(fresh) + " pin slots: drop some");
    }
    if (spares_.empty()) {
      VY_TRY(auto table, source.new_table());
      spares_.push_back(std::move(table));
    }
    auto table = std::move(spares_.back());
    spares_.pop_back();
    has_spare_.store(false, std::memory_order_relaxed);
    VY_TRY(add_table(std::move(table)));
  }
  // Lowest first, and before a slot is used: the worker scans up to the mark.
  shm::raise_high_water(*table_of(fresh), fresh % limits::kPinSlots + kFreshSlots);
  fresh_.store(fresh + kFreshSlots, std::memory_order_release);
  slots_.add(fresh, kFreshSlots);
  return {};
}

// Not while the interpreter is kept waiting: there a fence is a small part of a get.
void Pins::count_fence() noexcept {
  thread_local std::uint32_t fenced = 0;
  if (++fenced < kFencedPins || !may_register_ || NoWaiting::refuses()) return;
  fenced = 0;
  barrier_.store(process_.register_for_barriers(), std::memory_order_relaxed);
}

Result<std::uint32_t> Pins::thaw(TableSource& source) {
  const std::lock_guard lock(slow_mutex_);
  for (;;) {
    const std::uint32_t forks = forks_.load(std::memory_order_acquire);
    if (ready_for_.load(std::memory_order_acquire) == forks) return forks;
    while (spares_.size() < mapped_.size()) {  // messages: while others may fork
      VY_TRY(auto table, source.new_table());
      spares_.push_back(std::move(table));
    }
    const std::lock_guard no_fork(process_.fork_mutex());
    if (forks_.load(std::memory_order_acquire) != forks)
      continue;  // forked meanwhile: the spares are still ours
    VY_TRY(switch_tables(forks));
    return forks;
  }
}

// The steps of R13, in this order. The slow lock and the fork lock are held.
Result<void> Pins::switch_tables(std::uint32_t forks) {
  const std::size_t count = mapped_.size();
  for (std::size_t t = 0; t < count; ++t) VY_TRY(process_.bequeath(spares_[t]));
  replaced_.reserve(replaced_.size() + count);
  for (std::size_t t = 0; t < count; ++t) {  // from here on nothing fails
    replaced_.push_back(std::exchange(mapped_[t], std::move(spares_[t])));
    tables_[t].store(mapped_[t].as<shm::PinTable>(), std::memory_order_release);
  }
  spares_.erase(spares_.begin(), spares_.begin() + static_cast<std::ptrdiff_t>(count));
  has_spare_.store(!spares_.empty(), std::memory_order_relaxed);
  // Who compared the generations before the fork did so after it stored `held`: this makes it seen.
  private_barrier();
  copy_pins();
  // From here on whoever releases clears its slot itself ...
  tables_for_.store(forks, std::memory_order_release);
  // ... and who released before, and only said so in `held`, is seen by the second pass.
  private_barrier();
  clear_released();
  // Nobody pinned meanwhile: pins wait for this, and those in progress start over.
  ready_for_.store(forks, std::memory_order_release);
  // A thread that was interrupted for long may still store where the old tables were: it meets
  // private memory there.
  for (std::size_t t = replaced_.size() - count; t < replaced_.size(); ++t) {
    VY_CHECK(os::replace_with_anonymous(replaced_[t].data(), replaced_[t].size()));
  }
  return {};
}

void Pins::copy_pins() {
  const std::uint32_t fresh = fresh_.load(std::memory_order_relaxed);
  for (std::size_t t = 0; t < mapped_.size(); ++t) {
    const auto first = static_cast<std::uint32_t>(t * limits::kPinSlots);
    const std::uint32_t here = fresh > first ? std::min(fresh - first, limits::kPinSlots) : 0;
    auto* table = mapped_[t].as<shm::PinTable>();
    shm::raise_high_water(*table, here);
    for (std::uint32_t i = 0; i < here; ++i) {
      const ObjectId held(slots_[first + i].held.load(std::memory_order_acquire));
      if (held.value != 0) shm::store_pin(*table, i, held, shm::PinBarrier::kLight);
    }
  }
}

void Pins::clear_released() {
  const std::uint32_t fresh = fresh_.load(std::memory_order_relaxed);
  for (std::uint32_t s = 0; s < fresh; ++s) {
    if (slots_[s].held.load(std::memory_order_acquire) != 0) continue;
    shm::clear_pin(*table_of(s), s % limits::kPinSlots);
  }
}

std::vector<std::uint64_t> Pins::mappings_in_use() const {
  std::vector<std::uint64_t> keys;
  const std::uint32_t fresh = fresh_.load(std::memory_order_acquire);
  for (std::uint32_t s = 0; s < fresh; ++s) {
    const std::uint64_t key = slots_[s].mapping.load(std::memory_order_acquire);
    if (key != 0) keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

void Pins::get_spare(TableSource& source) {
  const std::unique_lock lock(slow_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;  // somebody is at it
  if (spares_.empty()) {
    auto table = source.new_table();
    if (!table) return;  // without one, the first pin after a fork takes longer
    spares_.push_back(*std::move(table));
  }
  has_spare_.store(true, std::memory_order_relaxed);
}

}  // namespace vineyard::client
