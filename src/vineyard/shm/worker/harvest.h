// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "vineyard/shm/worker/arenas.h"
#include "vineyard/shm/worker/clients.h"
#include "vineyard/shm/worker/contents.h"
#include "vineyard/shm/worker/entries.h"

namespace vineyard::shm {

/// Numbers for status and metrics.
struct HarvestCounts {
  std::uint64_t taken = 0;
  std::uint64_t voided = 0;   // failed positions that an honest writer gave up
  std::uint64_t refused = 0;  // records that were not what they must be
};

/// Takes published records out of outboxes into the index, and their documents home.
///
/// Owner:   the worker.
/// Threads: the worker's loop only.
/// Always:  every byte of a client is copied out once, checked, and only the copy is used; the mark (R16) stands
///          exactly while foreign bytes are looked at.
class Harvester {
 public:
  Harvester(Region& region, Entries& entries, Arenas& arenas, Clients& clients, Contents& contents)
      : region_(region),
        entries_(entries),
        arenas_(arenas),
        clients_(clients),
        contents_(contents) {}

  /// Everything that this client has published by now. Stops early only when the kernel gives no memory for
  /// documents, or no mapping of an outbox; then what is left is taken next time.
  enum class Progress : std::uint8_t { kAll, kStopped };
  Progress harvest(std::uint32_t control);
  /// The same for every client; stopped if one was.
  Progress harvest_all();

  /// Takes back what was lent and not harvested. The caller has harvested all (R5), or leaves the outbox unread (R16).
  /// What a live object refers to already becomes void (R4).
  void take_back(std::uint32_t control);

  /// Publishes a detached id by message: bytes in one of the client's own arenas (details: detached ids).
  /// Errors: invalid (place, size), corrupt (the document), not_found (a member; `id` is not detached for this client),
  /// full.
  Result<void> publish_blob(std::uint32_t control, ObjectId id, std::uint64_t place,
                            std::uint64_t size);
  Result<void> publish_document(std::uint32_t control, ObjectId id, std::uint64_t place,
                                std::uint64_t size);

  /// What a document at home needs to be freed again.
  [[nodiscard]] ExtentAllocator::Handle home_handle(EntryIndex i) const {
    return i.value < handles_.size() ? handles_[i.value] : ExtentAllocator::kNone;
  }
  void set_home_handle(EntryIndex i, ExtentAllocator::Handle handle);

  [[nodiscard]] const HarvestCounts& counts() const { return counts_; }

 private:
  class Members;
  enum class Taken : std::uint8_t { kDone, kNoMemory };

  Taken take(std::uint32_t control);
  Result<void> take_blob(std::uint32_t control, const Record& record);
  Result<void> take_document(const Outbox& box, const Record& record);
  Result<void> bring_home(ObjectId id, std::span<const std::byte> document, Arenas::Beyond beyond);
  Result<void> check_detached(std::uint32_t control, ObjectId id) const;
  Result<void> inspect_copy(ObjectId id, std::span<std::byte> document);
  void refuse(ObjectId id);
  void mark(std::uint64_t serial, std::uint64_t position);
  void clear_mark();

  Region& region_;
  Entries& entries_;
  Arenas& arenas_;
  Clients& clients_;
  Contents& contents_;
  std::vector<ExtentAllocator::Handle> handles_;
  std::vector<std::byte> copy_;
  std::vector<EntryIndex> revived_;  // members of the document in hand that were deleted but pinned
  HarvestCounts counts_;
};

}  // namespace vineyard::shm
