// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "vineyard/shm/worker/arenas.h"
#include "vineyard/shm/worker/clients.h"
#include "vineyard/shm/worker/contents.h"
#include "vineyard/shm/worker/entries.h"
#include "vineyard/shm/worker/harvest.h"
#include "vineyard/shm/worker/names.h"
#include "vineyard/shm/worker/retire.h"

namespace vineyard::shm {

/// How the worker before this one ended.
enum class Predecessor : std::uint8_t { kNoneOrKilled, kDiedOfFault };

/// What a rebuild found.
struct RebuildReport {
  std::uint64_t live = 0;
  std::uint64_t deleted = 0;
  std::uint64_t leased = 0;
  std::uint64_t taken_back = 0;      // leases that nobody had been shown
  std::uint64_t broken_extents = 0;  // must be 0
  std::optional<std::uint64_t>
      poisoned_client;  // serial: this client's outbox is to be left unread (R16)
};

/// A worker's first act: derives all private state from the index, the outboxes and the documents at home (R12).
/// Everything a predecessor left half done is finished or undone.
RebuildReport rebuild(Region& region, Entries& entries, Arenas& arenas, Clients& clients,
                      Harvester& harvester, Retirer& retirer, Names& names, Contents& contents,
                      Predecessor predecessor);

}  // namespace vineyard::shm
