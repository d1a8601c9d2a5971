// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/server/operations/background.h"
#include "vineyard/server/operations/compaction.h"
#include "vineyard/server/operations/waits.h"
#include "vineyard/shm/layout.h"
#include "vineyard/shm/worker/arenas.h"
#include "vineyard/shm/worker/clients.h"
#include "vineyard/shm/worker/entries.h"
#include "vineyard/shm/worker/harvest.h"
#include "vineyard/shm/worker/holds.h"
#include "vineyard/shm/worker/names.h"
#include "vineyard/shm/worker/rebuild.h"
#include "vineyard/shm/worker/retire.h"
#include "vineyard/store/object_table.h"

namespace vineyard::server {

/// Whether arenas are touched before they are handed out, so that the daemon pays for their pages (design 3.6).
enum class Reserve : std::uint8_t { kOff, kOn };
enum class Prefault : std::uint8_t { kNone, kBackground, kFull };

/// What the worker needs to know beside what stands in the region.
struct InstanceOptions {
  std::uint64_t pool_bytes = 0;
  Reserve reserve = Reserve::kOn;
  Prefault prefault = Prefault::kBackground;
  std::string socket;
  std::string version;
};

/// One connection, joined or not.
struct Peer {
  std::uint64_t serial = 0;
  std::uint32_t control = 0;
  std::uint64_t uid = 0;
  std::uint64_t pid = 0;
  std::string program;
  bool gone = false;  // hung up, or its process ended: a hint to ask whether its outbox is mapped
  std::vector<ObjectId> pinned;  // fetched for it; held until its next message
};

/// All state of a worker, as parts: what the operations work on.
///
/// Owner:   server/worker.
/// Threads: the loop's thread only.
/// Always:  everything here can be derived again from the region, the outboxes and the documents at home.
class Instance {
 public:
  Instance(shm::Region& region, const os::UniqueFd& region_fd, shm::Keeper& keeper,
           shm::BlockSource& blocks, InstanceOptions options);

  /// Derives everything from what a predecessor left, and makes this worker the one that serves.
  /// Errors: unavailable (no id block to be had).
  Result<shm::RebuildReport> start(shm::Predecessor predecessor);

  [[nodiscard]] Peer* peer(std::uint64_t serial);
  /// What the worker pins for clients, and what it is copying: counts as pins in every scan.
  [[nodiscard]] std::vector<ObjectId> own_pins() const;

  shm::Region& region;
  const os::UniqueFd& region_fd;
  InstanceOptions options;
  shm::Holds holds;
  shm::Entries entries;
  shm::Arenas arenas;
  shm::Clients clients;
  store::ObjectTable objects;
  shm::Harvester harvester;
  shm::Retirer retirer;
  shm::Names names;
  Waits waits;
  Compaction compaction;
  Background background;
  std::map<std::uint64_t, Peer> peers;
  std::set<std::uint64_t> spares_ready;  // touched arenas that nobody has yet
  std::uint64_t detached_leases = 0;  // at least as many as there are; 0 saves the search for them
};

}  // namespace vineyard::server
