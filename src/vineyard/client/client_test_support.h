// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <vector>

#include "vineyard/client/pins.h"
#include "vineyard/client/process.h"
#include "vineyard/os/memfd.h"

// For tests only.
namespace vineyard::client {

/// Pin tables as the instance would make them; keeps a reading mapping of each, as the worker does.
///
/// Owner:   the test.
/// Threads: any.
/// Always:  `scan` sees every slot of every table that still stands for somebody.
class FakeTables : public TableSource {
 public:
  Result<os::MappedRegion> new_table() override {
    const std::lock_guard lock(mutex_);
    if (left_ == 0) return Error(ErrorCode::kUnavailable, "no more tables in this test");
    --left_;
    auto fd = os::create_memfd("fake-pins", ByteCount(sizeof(shm::PinTable)));
    if (!fd) return fd.error();
    auto reading =
        os::MappedRegion::map(*fd, ByteCount(sizeof(shm::PinTable)), os::Access::kReadOnly);
    if (!reading) return reading.error();
    seen_.push_back(*std::move(reading));
    return Process::here().value()->map_own(*fd, ByteCount(sizeof(shm::PinTable)));
  }
  /// How many slots of table `from` and later hold `id`; the worker's scan.
  int scan(ObjectId id, std::size_t from = 0) const {
    const std::lock_guard lock(mutex_);
    int found = 0;
    for (std::size_t t = from; t < seen_.size(); ++t) {
      const auto* table = seen_[t].as<shm::PinTable>();
      const std::uint64_t high = table->high_water.load(std::memory_order_acquire);
      for (std::uint64_t i = 0; i < high; ++i) {
        found += table->slots[i].load(std::memory_order_acquire) == id.value;
      }
    }
    return found;
  }
  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return seen_.size();
  }
  void limit(int left) { left_ = left; }

 private:
  mutable std::mutex mutex_;
  std::vector<os::MappedRegion> seen_;
  int left_ = 1 << 20;
};

inline std::unique_ptr<Pins> make_pins(FakeTables& tables) {
  Process* process = Process::here().value();
  return Pins::create(*process, tables.new_table().value(), process->pin_barrier()).value();
}

}  // namespace vineyard::client
