// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "vineyard/base/failpoint.h"
#include "vineyard/base/ids.h"
#include "vineyard/base/limits.h"
#include "vineyard/base/result.h"
#include "vineyard/client/process.h"
#include "vineyard/client/slot_pool.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/shm/layout.h"
#include "vineyard/shm/pin_table.h"

namespace vineyard::client {

/// Where further pin tables come from: the instance, by message.
///
/// Owner:   the Context.
/// Threads: any.
/// Always:  a table that it returns is mapped by `Process::map_own`, sealed, and scanned by the
///          worker.
class TableSource {
 public:
  virtual ~TableSource() = default;
  virtual Result<os::MappedRegion> new_table() = 0;
};

/// The pins of one context: slots in pin tables, and what becomes of them at a fork (R1, R8, R13).
///
/// A fork leaves the tables of that moment to the children: no slot in them is cleared any more.
/// The parent's next pin moves its pins into new tables first (`thaw`). `forks_` counts forks,
/// `tables_for_` says for which count the tables are ours, `ready_for_` for which they are
/// complete; frozen = they differ.
///
/// Owner:   the Context; outlives every view.
/// Threads: any number at once. pin, clear, release: one or two stores and no lock.
/// Always:  what `still_ours` confirmed after the caller's look is seen by every later scan, until
///          released.
class Pins : private ForkListener {
 public:
  static constexpr std::uint32_t kTables = limits::kPinSlotsQuota / limits::kPinSlots;

  /// `first` is the table that came with the connection.
  static Result<std::unique_ptr<Pins>> create(Process& process, os::MappedRegion first,
                                              shm::PinBarrier barrier);
  ~Pins() override;
  Pins(const Pins&) = delete;
  Pins& operator=(const Pins&) = delete;

  // ---- one pin: take a slot, then as often as needed { begin, pin, look, still_ours }, and in the
  // end release

  /// A slot for this thread. Errors: full (the quota; see SlotPool for what does not count as free),
  /// and those of `source`.
  [[nodiscard]] Result<std::uint32_t> take_slot(TableSource& source) {
    const std::uint32_t slot = take_idle_slot();
    if (slot != SlotPool::kNone) return slot;
    return take_fresh_slot(source);
  }
  /// A slot that was used before, or SlotPool::kNone.
  [[nodiscard]] std::uint32_t take_idle_slot() noexcept { return slots_.take(); }
  /// Before a pin: moves to new tables when the process has forked. Returns what `still_ours` wants
  /// to know.
  [[nodiscard]] Result<std::uint32_t> begin(TableSource& source) {
    std::uint32_t forks = 0;
    if (is_ready(forks)) return forks;
    return thaw(source);
  }
  /// Whether `begin` has nothing to do; then sets what it would return.
  [[nodiscard]] bool is_ready(std::uint32_t& forks) const noexcept {
    forks = forks_.load(std::memory_order_acquire);
    return ready_for_.load(std::memory_order_acquire) == forks;
  }
  /// R1. Afterwards the caller looks at the entry.
  void pin(std::uint32_t slot, ObjectId id) noexcept {
    slots_[slot].held.store(id.value, std::memory_order_relaxed);
    const shm::PinBarrier kind = barrier();
    shm::store_pin(*table_of(slot), slot % limits::kPinSlots, id, kind);
    if (kind == shm::PinBarrier::kFence) [[unlikely]]
      count_fence();
  }
  /// Whether the tables were the same all the time; else the pin may be in a table that is the
  /// children's: start over.
  [[nodiscard]] bool still_ours(std::uint32_t forks) const noexcept {
    return forks_.load(std::memory_order_acquire) == forks;
  }
  /// Says what mapping is going to be used under the pin; afterwards the caller looks it up.
  void use_mapping(std::uint32_t slot, std::uint64_t key) noexcept {
    slots_[slot].mapping.store(key, std::memory_order_relaxed);
    shm::pin_barrier(barrier());
  }
  /// What `use_mapping` said last for a slot that the caller holds.
  [[nodiscard]] std::uint64_t mapping_of(std::uint32_t slot) const noexcept {
    return slots_[slot].mapping.load(std::memory_order_relaxed);
  }
  /// Takes the pin back and keeps the slot.
  void clear(std::uint32_t slot) noexcept {
    Slot& s = slots_[slot];
    s.mapping.store(0, std::memory_order_release);
    s.held.store(0, std::memory_order_release);
    // Partner: the private barrier in switch_tables. Either the second pass there sees held == 0, or
    // this thread sees that the tables are ours again and clears the slot itself.
    shm::pin_barrier(barrier());
    const std::uint32_t ours = tables_for_.load(std::memory_order_acquire);
    if (!VY_LEFT_OUT("R13") && ours != forks_.load(std::memory_order_acquire)) [[unlikely]]
      return;  // frozen: the table is the children's (R13)
    shm::clear_pin(*table_of(slot), slot % limits::kPinSlots);
  }
  /// Takes the pin back and gives the slot back.
  void release(std::uint32_t slot) noexcept {
    clear(slot);
    slots_.give(slot);
  }

  [[nodiscard]] shm::PinBarrier barrier() const noexcept {
    return barrier_.load(std::memory_order_relaxed);
  }
  /// Whether pins that fence may, when there have been many, register this process instead. Said
  /// before the first pin; no where the worker needs fences.
  void register_when_worthwhile() { may_register_ = true; }

  /// Keys of the mappings in use, each once, in order. The caller has passed a private barrier
  /// since it hid the mappings it means to unmap.
  [[nodiscard]] std::vector<std::uint64_t> mappings_in_use() const;

  /// Keeps one table ahead, so that the first pin after a fork needs no message. Called where a
  /// message is sent anyway.
  void keep_spare(TableSource& source) {
    if (!has_spare_.load(std::memory_order_relaxed)) get_spare(source);
  }
  /// Whether no slot is in anybody's hands. Then nobody will ever touch these pins again, if the
  /// caller sees to it that no call is in progress.
  [[nodiscard]] bool all_released() const noexcept { return slots_.in_use() == 0; }
  /// Slots that were ever in use, or kept idle by a thread.
  [[nodiscard]] std::uint32_t high_water() const { return fresh_.load(std::memory_order_relaxed); }

 private:
  Pins(Process& process, os::MappedRegion slots, shm::PinBarrier barrier)
      : process_(process), slots_(std::move(slots)), barrier_(barrier) {}
  void before_fork() noexcept override { forks_.fetch_add(1, std::memory_order_seq_cst); }
  void in_child() noexcept override {}

  [[nodiscard]] shm::PinTable* table_of(std::uint32_t slot) const noexcept {
    return tables_[slot / limits::kPinSlots].load(std::memory_order_acquire);
  }
  void count_fence() noexcept;
  void get_spare(TableSource& source);
  [[nodiscard]] Result<std::uint32_t> take_fresh_slot(TableSource& source);
  [[nodiscard]] Result<void> add_fresh_slots(TableSource& source);
  [[nodiscard]] Result<std::uint32_t> thaw(TableSource& source);
  [[nodiscard]] Result<void> add_table(os::MappedRegion table);
  [[nodiscard]] Result<void> switch_tables(std::uint32_t forks);
  void copy_pins();
  void clear_released();

  Process& process_;
  SlotPool slots_;
  std::atomic<shm::PinBarrier> barrier_;
  bool may_register_ = false;
  std::atomic<std::uint32_t> forks_{0};
  std::atomic<std::uint32_t> tables_for_{0};
  std::atomic<std::uint32_t> ready_for_{0};
  std::array<std::atomic<shm::PinTable*>, kTables> tables_{};

  std::atomic<bool> has_spare_{false};
  std::mutex slow_mutex_;  // for what follows
  std::atomic<std::uint32_t> fresh_{
      0};  // slots that were ever used; read without the lock by scans
  std::vector<os::MappedRegion> mapped_;  // the tables in use
  std::vector<os::MappedRegion> spares_;  // not inherited by children
  std::vector<os::MappedRegion>
      replaced_;  // private memory where tables were that are the children's now
};

}  // namespace vineyard::client
