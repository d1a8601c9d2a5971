// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/shm/layout.h"
#include "vineyard/shm/worker/arenas.h"
#include "vineyard/shm/worker/entries.h"
#include "vineyard/shm/worker/holds.h"

namespace vineyard::shm {

/// The clients' control blocks: who is there, what was lent to whom, how far each has published.
///
/// Owner:   the worker.
/// Threads: the worker's loop only.
/// Always:  grants shown = harvested + published but not harvested + not yet published (I8); a control block with a
///          serial belongs to a held connection.
class Clients {
 public:
  Clients(Region& region, Holds& holds, Entries& entries, Arenas& arenas)
      : region_(region), holds_(holds), entries_(entries), arenas_(arenas) {}

  /// A control block for a new connection, at position 0; it stays reserved until `release_control`.
  /// Errors: full (4,096 clients).
  Result<std::uint32_t> reserve_control();
  void mark_reserved(std::uint32_t control);
  void release_control(std::uint32_t control);
  [[nodiscard]] std::uint64_t next_serial() {
    return region_.header.next_serial.fetch_add(1, std::memory_order_relaxed) + 1;
  }

  /// The client has mapped its outbox: from here on it can publish.
  void establish(std::uint32_t control, std::uint64_t serial, std::uint64_t uid, std::uint64_t pid,
                 std::string_view program);
  /// What the client calls itself; at most 64 bytes.
  [[nodiscard]] std::string program(std::uint32_t control) const;
  [[nodiscard]] bool established(std::uint32_t control, std::uint64_t serial) const {
    return this->control(control).serial.load(std::memory_order_relaxed) == serial && serial != 0;
  }
  [[nodiscard]] ClientControl& control(std::uint32_t c) { return region_.clients[c]; }
  [[nodiscard]] const ClientControl& control(std::uint32_t c) const { return region_.clients[c]; }
  [[nodiscard]] std::optional<std::uint32_t> control_of(std::uint64_t serial) const;
  [[nodiscard]] std::uint32_t touched() const {
    return static_cast<std::uint32_t>(
        region_.header.clients_touched.load(std::memory_order_relaxed));
  }

  /// The writer's outbox; nothing if it cannot be mapped.
  [[nodiscard]] const Outbox* outbox(std::uint64_t serial);
  /// How far the client has published: the tail, read once, clamped to what was granted, never below what was taken.
  /// Nothing if its outbox cannot be mapped.
  [[nodiscard]] std::optional<std::uint64_t> published(std::uint32_t control);
  /// The ring position behind a lease word of this control block.
  [[nodiscard]] std::uint64_t position(std::uint32_t control, std::uint64_t lease) const;
  /// Whether the record behind a leased entry is past its writer's tail (R4, first form). Nothing if the writer's
  /// outbox cannot be mapped.
  [[nodiscard]] std::optional<bool> is_published(EntryIndex i);

  /// Keeps `window` grants open; doubles the window when asked to. Errors: full (entries, or room at home).
  enum class Window : std::uint8_t { kKeep, kDouble };
  Result<void> grant(std::uint32_t control, Window window);
  /// After a worker's death: keeps room at home again for what was granted.
  void reserve_again();
  /// After a worker's death: is this lease one that its client can see? (R12)
  [[nodiscard]] bool lease_was_shown(EntryIndex i) const;

 private:
  [[nodiscard]] bool reserve(std::uint32_t control, std::uint64_t window);

  Region& region_;
  Holds& holds_;
  Entries& entries_;
  Arenas& arenas_;
  std::vector<bool> reserved_ = std::vector<bool>(limits::kClients);
  std::vector<std::uint64_t> home_reserved_ = std::vector<std::uint64_t>(limits::kClients);
};

}  // namespace vineyard::shm
