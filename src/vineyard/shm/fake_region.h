// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "vineyard/base/extent.h"
#include "vineyard/base/ids.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/shm/entry.h"
#include "vineyard/shm/layout.h"

// For tests only: an index region, an outbox and a pin table in private memory, and a worker's
// steps on them.
namespace vineyard::shm {

/// Private memory in the shape of shared memory.
template <class T>
class FakeMemory {
 public:
  FakeMemory() : memory_(os::MappedRegion::map_anonymous(ByteCount(sizeof(T))).value()) {}
  T& operator*() const { return *memory_.template as<T>(); }
  T* operator->() const { return memory_.template as<T>(); }

 private:
  os::MappedRegion memory_;
};

/// What a worker does for one client, step by step, as far as clients can see it.
///
/// Owner:   the test.
/// Threads: one.
/// Always:  entry first, counter after (R10).
class FakeWorker {
 public:
  FakeWorker(Region& region, Outbox& outbox, std::uint32_t control, std::uint64_t serial)
      : region_(region), outbox_(outbox), control_(region.clients[control]), serial_(serial) {
    region.header.entries_touched.store(1024);
    region.header.clients_touched.store(control + 1);
    control_.serial.store(serial);
    control_.window.store(limits::kFirstGrants);
  }

  ObjectId grant(EntryIndex index, Generation generation = {}) {
    const ObjectId id = ObjectId::make(BlockId{7}, index, generation);
    const std::uint64_t position = control_.granted.load();
    Entry& entry = region_.entries[index.value];
    entry.lease.store(serial_ << 32 | (position & 0xffffffff), std::memory_order_relaxed);
    entry.word.store(make_word(id, State::kLeased), std::memory_order_release);
    control_.grants[position % limits::kRing].store(id.value, std::memory_order_relaxed);
    control_.granted.store(position + 1, std::memory_order_release);
    return id;
  }
  void grant_many(std::uint32_t count, std::uint32_t first_index = 1) {
    control_.window.store(count);
    for (std::uint32_t i = 0; i < count; ++i) grant(EntryIndex{first_index + i});
  }
  /// Takes one position; an object's place is what `place` says.
  void harvest_one(Place place = Place(ArenaId{1}, 0)) {
    const std::uint64_t position = control_.harvested.load();
    const Record record = outbox_.records[position % limits::kRing];
    const ObjectId granted(control_.grants[position % limits::kRing].load());
    Entry& entry = region_.entries[granted.index().value];
    entry.place.store(place.bits, std::memory_order_relaxed);
    entry.size.store(record.document_size + record.size, std::memory_order_relaxed);
    entry.word.store(make_word(ObjectId(record.id), State::kLive), std::memory_order_release);
    control_.harvested.store(position + 1, std::memory_order_release);
  }
  ClientControl& control() { return control_; }

 private:
  Region& region_;
  Outbox& outbox_;
  ClientControl& control_;
  std::uint64_t serial_;
};

}  // namespace vineyard::shm
