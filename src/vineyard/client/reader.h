// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_set>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/client/connection.h"
#include "vineyard/client/mapping_cache.h"
#include "vineyard/client/pins.h"
#include "vineyard/client/view.h"
#include "vineyard/shm/index.h"
#include "vineyard/shm/layout.h"
#include "vineyard/shm/outbox.h"

namespace vineyard::client {

/// What a reader knows about its place in the instance.
struct Membership {
  std::uint64_t serial = 0;
  std::uint32_t control = 0;
};

/// The get path: pin, look, and only when that is not enough, ask (design 3.3).
///
/// Owner:   the Context, whose views it makes.
/// Threads: any number at once. No lock and no message for what is live or fresh and mapped
///          already.
/// Always:  bytes that it shows are pinned, lie inside their mapping, and are the id's own; bytes
///          that another process can still write are copied out, and the copy is what was
///          validated.
class Reader {
 public:
  Reader(Context& context, Process& process, Connection& connection, TableSource& tables,
         Pins& pins, MappingCache& mappings, const shm::Region& region,
         const shm::Outbox& own_outbox, Membership me);

  /// Pins `id` and shows its bytes. Waits up to `wait_ms` for it to be published.
  /// Errors: not_found, full (pins), corrupt, and those of the connection.
  [[nodiscard]] Result<View> view(ObjectId id, std::uint64_t wait_ms);
  /// Pins `id` without showing its bytes: for a composer, from before it checks a member until its
  /// parent is published (R3). Errors: as view.
  [[nodiscard]] Result<View> hold(ObjectId id);
  /// A private, writable copy of a range of what `pinned` shows.
  [[nodiscard]] Result<WritableCopy> writable(View pinned, std::uint64_t offset,
                                              std::uint64_t length);
  /// The id of a name, as the region's table has it; nothing: ask. Never older than what this
  /// client has seen.
  [[nodiscard]] std::optional<ObjectId> find_name(std::string_view name);

  /// The blob that begins at an address of memory that is mapped here, if it is harvested. Looks at
  /// every entry.
  [[nodiscard]] std::optional<ObjectId> find_blob(const void* address) const;

  /// Milliseconds since 1970 at which an entry became live; nothing: it is not, as far as can be seen here.
  [[nodiscard]] std::optional<std::uint64_t> find_since(ObjectId id) const;
  /// The same; has it taken in first where it is not. Errors: not_found, and those of the connection.
  [[nodiscard]] Result<std::uint64_t> since(ObjectId id);

  /// Hints that these will be looked at soon.
  void prefetch(std::span<const ObjectId> ids) const;
  /// Unmaps what the region says is retired, and outboxes of clients that ended.
  void tidy();

  void set_deadline(std::chrono::milliseconds deadline) { deadline_ms_ = deadline.count(); }
  [[nodiscard]] std::chrono::milliseconds deadline() const {
    return std::chrono::milliseconds(deadline_ms_.load(std::memory_order_relaxed));
  }

 private:
  enum class Step : std::uint8_t {
    kFound,
    kChanged,      // the entry said something else when looked at again: start over
    kUnpublished,  // lent to somebody who has not published it
    kAsk,          // anything else: the worker knows
  };
  enum class Show : std::uint8_t { kBytes, kNothing };
  struct Found {
    std::span<const std::byte> bytes;
    std::unique_ptr<std::byte[]> copy;
  };
  class SlotHolder;

  [[nodiscard]] Result<View> pin_and_look(ObjectId id, std::uint64_t wait_ms, Show show);
  [[nodiscard]] bool is_live_here(ObjectId id, std::uint32_t slot,
                                  std::span<const std::byte>& bytes) const;
  [[nodiscard]] Result<Step> look(ObjectId id, std::uint32_t slot, Show show, Found& found);
  [[nodiscard]] Result<Step> look_live(const shm::Entry& entry, std::uint64_t word,
                                       std::uint32_t slot, Found& found);
  [[nodiscard]] Result<Step> look_fresh(ObjectId id, const shm::Entry& entry, std::uint64_t word,
                                        std::uint32_t slot, Show show, Found& found);
  [[nodiscard]] Result<Step> show_fresh_blob(ArenaId arena, const shm::Record& record,
                                             const shm::Entry& entry, std::uint64_t word,
                                             std::uint32_t slot, Found& found);
  [[nodiscard]] Result<ObjectId> fetch(ObjectId id, std::uint64_t wait_ms);
  /// The mapping, fetched when it is not there yet; null data: the instance does not have it any
  /// more.
  [[nodiscard]] Result<Mapping> map(std::uint32_t slot, MappingKey key) {
    pins_.use_mapping(slot, key.value);
    const Mapping m = mappings_.find(key);
    if (m.data != nullptr) return m;
    return map_slowly(key);
  }
  [[nodiscard]] Result<Mapping> map_slowly(MappingKey key);
  void tidy_if_due() {
    if (header().retired_count.load(std::memory_order_relaxed) !=
        retired_seen_.load(std::memory_order_relaxed)) {
      tidy();
    }
  }
  [[nodiscard]] const shm::RegionHeader& header() const { return index_.header(); }
  [[nodiscard]] std::unordered_set<std::uint64_t> newly_retired(bool* all);

  Context& context_;
  Process& process_;
  Connection& connection_;
  TableSource& tables_;
  Pins& pins_;
  MappingCache& mappings_;
  shm::IndexReader index_;
  const shm::Outbox& own_outbox_;
  const Membership me_;
  std::atomic<std::int64_t> deadline_ms_{300'000};
  std::mutex tidy_mutex_;
  std::atomic<std::uint64_t> retired_seen_{0};
};

}  // namespace vineyard::client
