// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/client/connection.h"
#include "vineyard/client/own_arenas.h"
#include "vineyard/client/process.h"
#include "vineyard/client/put_lock.h"
#include "vineyard/client/reader.h"
#include "vineyard/meta/document.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/shm/layout.h"
#include "vineyard/shm/outbox.h"

namespace vineyard::client {

/// The put path: bytes into an own arena, then ids, records and documents into the outbox, by one
/// store (design 3.2).
///
/// Owner:   the Context.
/// Threads: any number at once. Bytes are written outside the put lock; only drawing ids, writing
///          documents and records and the store are inside it. No callback and no message inside
///          it.
/// Always:  members before the object that contains them; what fails before the store leaves
///          nothing visible.
class Writer {
 public:
  /// `outbox` was mapped by `Process::map_own`.
  Writer(Process& process, Connection& connection, Reader& reader, const Pins& pins,
         os::MappedRegion outbox, const shm::Region& region, Membership me);

  ~Writer() { close(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Room for `size` bytes. Errors: full (says who holds what), invalid (larger than any object may
  /// be).
  [[nodiscard]] Result<Reserved> reserve(std::uint64_t size);
  /// Takes a reservation back.
  void give_up(const Reservation& where) noexcept;

  [[nodiscard]] Result<ObjectId> put_blob(std::span<const std::byte> bytes);
  /// Publishes the first `size` bytes of a reservation, which is used up in any case.
  [[nodiscard]] Result<ObjectId> publish_blob(const Reservation& where, std::uint64_t size);
  /// A payload blob of an object to be published.
  struct Part {
    Reservation where;
    std::uint64_t size = 0;
  };
  /// Publishes parts and document. The references of the document that are no ids yet become the
  /// ids of the parts, in that order. The reservations are used up in any case.
  [[nodiscard]] Result<ObjectId> publish(std::span<const std::byte> document,
                                         std::span<const Part> parts);

  /// The same by message, under an id that was reserved.
  [[nodiscard]] Result<ObjectId> publish_blob_as(ObjectId id, const Reservation& where,
                                                 std::uint64_t size);
  [[nodiscard]] Result<ObjectId> publish_as(ObjectId id, std::span<const std::byte> document,
                                            std::span<const Part> parts);

  /// Has the outbox harvested and grants topped up.
  [[nodiscard]] Result<void> sync();
  /// The end of writing: the connection is lost, or the last handle gone. Nothing is mapped
  /// writable any more, so that the instance sees that this writer is gone (R5).
  void close();

 private:
  using Lock = std::unique_lock<PutLock>;
  class PartsHolder;

  [[nodiscard]] Result<void> make_room(Lock& lock, std::uint32_t records,
                                       std::uint64_t document_bytes);
  [[nodiscard]] Result<ObjectId> publish_through_ring(Lock& lock,
                                                      std::span<const std::byte> document,
                                                      std::span<const std::uint32_t> blanks,
                                                      std::span<const Part> parts,
                                                      PartsHolder& holder);
  [[nodiscard]] Result<ObjectId> publish_by_message(ObjectId id,
                                                    std::span<const std::byte> document,
                                                    std::span<const std::uint32_t> blanks,
                                                    std::span<const Part> parts,
                                                    PartsHolder& holder);
  [[nodiscard]] Result<std::vector<ObjectId>> publish_parts(std::span<const Part> parts,
                                                            PartsHolder& holder);
  ObjectId add_part(const Part& part);
  [[nodiscard]] Result<std::vector<View>> hold_members(meta::DocumentView document) const;
  [[nodiscard]] Result<void> finish(Lock& lock, std::uint32_t records);
  [[nodiscard]] bool has_room(std::uint64_t size);
  [[nodiscard]] Result<void> grow(std::uint64_t size);
  [[nodiscard]] Result<void> ask_for_arena(std::uint64_t size);
  [[nodiscard]] Result<void> add_arena(std::uint32_t number, std::uint64_t size, os::BorrowedFd fd,
                                       OwnArenas::Use use);
  void drop(std::vector<OwnArenas::Owned> arenas);
  void unmap(std::vector<OwnArenas::Owned> arenas);
  [[nodiscard]] std::chrono::milliseconds deadline() const { return reader_.deadline(); }

  Process& process_;
  Connection& connection_;
  Reader& reader_;
  const Pins& pins_;
  const Membership me_;
  os::MappedRegion outbox_memory_;
  const shm::Grants grants_;
  std::mutex grow_mutex_;  // taken before the put lock: who asks for an arena

  PutLock put_lock_;  // for what follows
  shm::OutboxWriter outbox_;
  OwnArenas arenas_;
  bool closed_ = false;
};

}  // namespace vineyard::client
