// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/instance.h"

#include "vineyard/base/try.h"
#include "vineyard/os/membarrier.h"
#include "vineyard/os/process.h"

namespace vineyard::server {

Instance::Instance(shm::Region& r, const os::UniqueFd& fd, shm::Keeper& keeper,
                   shm::BlockSource& blocks, InstanceOptions o)
    : region(r),
      region_fd(fd),
      options(std::move(o)),
      holds(keeper),
      entries(r, blocks),
      arenas(r, holds, options.pool_bytes),
      clients(r, holds, entries, arenas),
      harvester(r, entries, arenas, clients, objects),
      retirer(holds, entries, arenas, harvester, objects),
      names(r, arenas) {}

Result<shm::RebuildReport> Instance::start(shm::Predecessor predecessor) {
  shm::RegionHeader& h = region.header;
  VY_TRY(entries.prepare());
  std::uint64_t flags =
      h.flags.load(std::memory_order_relaxed) & ~std::uint64_t{shm::kRegionReadersMustFence};
  if (!os::membarrier_available()) flags |= shm::kRegionReadersMustFence;
  h.flags.store(flags, std::memory_order_release);
  h.daemon_uid.store(os::effective_user_id(), std::memory_order_relaxed);
  for (const auto& [serial, held] : holds.all(shm::Kind::kConnection)) {
    Peer& peer = peers[serial];
    peer.serial = serial;
    peer.control = static_cast<std::uint32_t>(held.facts.owner);
    clients.mark_reserved(peer.control);
    if (clients.established(peer.control, serial)) {
      peer.uid = clients.control(peer.control).uid.load(std::memory_order_relaxed);
      peer.pid = clients.control(peer.control).pid.load(std::memory_order_relaxed);
      peer.program = clients.program(peer.control);
    }
  }
  return shm::rebuild(region, entries, arenas, clients, harvester, retirer, names, objects,
                      predecessor);
}

Peer* Instance::peer(std::uint64_t serial) {
  const auto it = peers.find(serial);
  return it == peers.end() ? nullptr : &it->second;
}

std::vector<ObjectId> Instance::own_pins() const {
  std::vector<ObjectId> pins;
  for (const shm::Move& move : compaction.moves) pins.push_back(move.id);
  for (const auto& [serial, peer] : peers)
    pins.insert(pins.end(), peer.pinned.begin(), peer.pinned.end());
  return pins;
}

}  // namespace vineyard::server
