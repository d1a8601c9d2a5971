// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "vineyard/base/extent.h"
#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/shm/grants.h"
#include "vineyard/shm/layout.h"

namespace vineyard::shm {

/// The writer's end of its own outbox: ids in ring order, records, documents, and the store that
/// publishes them.
///
/// Owner:   the client's Context; borrows outbox and region.
/// Threads: one at a time (the put lock).
/// Always:  nothing is visible before `publish`. Ids are drawn at publication, never earlier, so a
///          slow builder holds nobody up. A position is written again only after it was harvested.
class OutboxWriter {
 public:
  OutboxWriter(Outbox& outbox, const ClientControl& control);

  /// Whether `records` more, with documents of `document_bytes` in all (one piece each, `documents`
  /// of them), fit now.
  [[nodiscard]] bool has_room(std::uint32_t records, std::uint64_t document_bytes = 0) const;
  /// Whether a document of this size will ever fit; else it is announced by message.
  [[nodiscard]] bool takes_document(std::uint64_t size) const;

  /// Adds a blob at `own_place` (number in the own arena list, offset). Returns its id. Needs room.
  ObjectId add_blob(Place own_place, std::uint64_t size);
  /// Adds a document. Returns its id and its bytes in the ring, which may be patched until
  /// `publish`. Needs room.
  struct Added {
    ObjectId id;
    std::span<std::byte> bytes;
  };
  Added add_document(std::span<const std::byte> document);
  /// Gives the next position up: a step after the id was drawn has failed.
  void add_void();

  /// Shows all that was added, by one release store. Returns the position after the last.
  std::uint64_t publish();

  /// Positions used so far, those not yet published included.
  [[nodiscard]] std::uint64_t used() const { return used_; }
  [[nodiscard]] const Grants& grants() const { return grants_; }
  /// Whether half of the window is used and nobody was told yet: then a top-up is due. True once
  /// per window.
  [[nodiscard]] bool top_up_due();

 private:
  [[nodiscard]] std::uint64_t documents_freed() const;
  [[nodiscard]] std::uint64_t document_start(std::uint64_t size) const;
  void add_record(const Record& record);

  Outbox& outbox_;
  Grants grants_;
  std::uint64_t used_ = 0;
  std::uint64_t head_ = 0;          // of the document ring, counted without wrapping
  std::uint64_t top_up_asked_ = 0;  // `granted` when a top-up was asked for
  // The head after each position: harvesting a position frees the ring up to there. Private, so
  // nobody can lie.
  std::unique_ptr<std::array<std::uint64_t, limits::kRing>> head_after_;
};

/// Whether the writer's tail is past `position` (modulo 2^32). Acquire: partner of the writer's
/// release store.
[[nodiscard]] bool is_published(const Outbox& outbox, std::uint32_t position);

/// Copies the record at `position` out. The caller looks at the entry again before it uses it (R9).
[[nodiscard]] Record read_record(const Outbox& outbox, std::uint32_t position);

/// Whether the record's document lies in the ring, in one piece, and is not too large.
[[nodiscard]] bool document_in_bounds(const Record& record);

/// Copies the record's document out; `into` has `record.document_size` bytes, which were found in
/// bounds.
void read_document(const Outbox& outbox, const Record& record, std::byte* into);

}  // namespace vineyard::shm
