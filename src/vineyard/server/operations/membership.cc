// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/membership.h"

#include <fmt/format.h>

#include "vineyard/base/failpoint.h"
#include "vineyard/base/try.h"
#include "vineyard/base/units.h"
#include "vineyard/os/mapping_lease.h"
#include "vineyard/os/memfd.h"
#include "vineyard/os/peer_identity.h"
#include "vineyard/os/socket.h"
#include "vineyard/server/operations/memory.h"

namespace vineyard::server {
namespace {

using shm::Held;
using shm::Kind;

// Ids for a client. Where no room is left for their documents, what can be given up is given up first.
Result<void> lend(Instance& in, const Peer& peer, shm::Clients::Window window) {
  auto lent = in.clients.grant(peer.control, window);
  if (lent || lent.error().code() != ErrorCode::kFull) return lent;
  (void)free_idle(in, in.arenas.home_arena_bytes());
  lent = in.clients.grant(peer.control, window);
  if (lent || lent.error().code() != ErrorCode::kFull) return lent;
  return Error(
      ErrorCode::kFull,
      fmt::format("no room for another object in the pool of {} ({}). Drop views or delete "
                  "objects (`vineyard ls`), or restart vineyardd with a larger --size",
                  to_string(ByteCount(in.options.pool_bytes)), holders(in)));
}

Held* created_by(Instance& in, Kind kind, std::uint64_t owner, std::uint64_t request) {
  for (auto& [number, held] : in.holds.all(kind)) {
    if (held.facts.owner == owner && held.facts.request == request) return &held;
  }
  return nullptr;
}

// An outbox or a pin table for a client, not yet held.
Result<Held> made(Kind kind, std::uint64_t number, const Peer& peer, std::uint64_t request) {
  const bool outbox = kind == Kind::kOutbox;
  const std::uint64_t size = outbox ? sizeof(shm::Outbox) : sizeof(shm::PinTable);
  Held held;
  held.facts = {kind, number, peer.serial, request, size};
  VY_TRY(held.fd, os::create_memfd(outbox ? "vineyard-outbox" : "vineyard-pins", ByteCount(size)));
  return held;
}

}  // namespace

Result<Peer*> arrive(Instance& in, os::UniqueFd connection) {
  VY_TRY(auto control, in.clients.reserve_control());
  const std::uint64_t serial = in.clients.next_serial();
  std::vector<Held> items(1);
  items[0].facts = {Kind::kConnection, serial, control, 0, 0};
  items[0].fd = std::move(connection);
  if (auto kept = in.holds.add(std::move(items)); !kept) {
    in.clients.release_control(control);
    return std::move(kept).error();
  }
  Peer& peer = in.peers[serial];
  peer.serial = serial;
  peer.control = control;
  return &peer;
}

Result<Joined> join(Instance& in, Peer& peer, std::uint64_t request) {
  if (in.holds.find(Kind::kOutbox, peer.serial) == nullptr) {
    std::vector<Held> items;
    VY_TRY(auto outbox, made(Kind::kOutbox, peer.serial, peer, request));
    items.push_back(std::move(outbox));
    VY_TRY(auto table, made(Kind::kPinTable, in.clients.next_serial(), peer, request));
    items.push_back(std::move(table));
    VY_TRY(in.holds.add(std::move(items)));
  }
  Held* outbox = in.holds.find(Kind::kOutbox, peer.serial);
  Held* table = created_by(in, Kind::kPinTable, peer.serial, outbox->facts.request);
  if (table == nullptr) {
    return Error(ErrorCode::kInvalid,
                 "this connection has joined before, and its pin table is gone");
  }
  Joined joined;
  joined.pin_table = table->facts.number;
  // A description of its own for each receiver (R8), read-only where it only reads.
  VY_TRY(auto region, os::reopen(in.region_fd, os::Access::kReadOnly));
  VY_TRY(auto box, os::reopen(outbox->fd, os::Access::kReadWrite));
  VY_TRY(auto pins, os::reopen(table->fd, os::Access::kReadWrite));
  joined.descriptors.push_back(std::move(region));
  joined.descriptors.push_back(std::move(box));
  joined.descriptors.push_back(std::move(pins));
  return joined;
}

Result<std::uint32_t> mapped_join(Instance& in, Peer& peer, std::uint64_t serial) {
  Held* outbox = in.holds.find(Kind::kOutbox, serial);
  if (outbox == nullptr || serial != peer.serial)
    return Error(ErrorCode::kNotFound, "that outbox is not yours");
  if (in.clients.established(peer.control, peer.serial)) return 0U;
  Held* table = created_by(in, Kind::kPinTable, peer.serial, outbox->facts.request);
  if (table != nullptr) {
    VY_TRY(os::seal_against_new_writers(table->fd));
  }
  VY_TRY(os::seal_against_new_writers(outbox->fd));
  in.clients.establish(peer.control, peer.serial, peer.uid, peer.pid, peer.program);
  // Who finds the pool full joins all the same: it may want to read, or to delete.
  const auto lent = lend(in, peer, shm::Clients::Window::kKeep);
  if (!lent && lent.error().code() != ErrorCode::kFull) return lent.error();
  return 0U;
}

Result<std::uint32_t> mapped_pin_table(Instance& in, Peer& peer, std::uint64_t number) {
  Held* held = in.holds.find(Kind::kPinTable, number);
  if (held == nullptr || held->facts.owner != peer.serial) {
    return Error(ErrorCode::kNotFound, "that pin table is not yours");
  }
  VY_TRY(os::seal_against_new_writers(held->fd));
  return 0U;
}

Result<std::uint32_t> mapped_arena(Instance& in, Peer& peer, std::uint64_t number) {
  if (!in.clients.established(peer.control, peer.serial))
    return Error(ErrorCode::kInvalid, "map the outbox first");
  return in.arenas.list_and_seal(static_cast<std::uint32_t>(number), peer.control);
}

Result<NewPinTable> new_pin_table(Instance& in, Peer& peer, std::uint64_t request) {
  Held* table = created_by(in, Kind::kPinTable, peer.serial, request);
  if (table == nullptr) {
    std::uint32_t have = 0;
    for (const auto& [number, held] : in.holds.all(Kind::kPinTable))
      have += held.facts.owner == peer.serial;
    if (have >= limits::kPinSlotsQuota / limits::kPinSlots) {
      return Error(ErrorCode::kFull,
                   fmt::format("this process may hold {} views at a time", limits::kPinSlotsQuota));
    }
    std::vector<Held> items(1);
    VY_TRY(items.front(), made(Kind::kPinTable, in.clients.next_serial(), peer, request));
    const std::uint64_t number = items.front().facts.number;
    VY_TRY(in.holds.add(std::move(items)));
    table = in.holds.find(Kind::kPinTable, number);
  }
  VY_TRY(auto fd, os::reopen(table->fd, os::Access::kReadWrite));
  return NewPinTable{table->facts.number, std::move(fd)};
}

Result<Readable> readable_outbox(Instance& in, std::uint64_t serial) {
  Held* held = in.holds.find(Kind::kOutbox, serial);
  const auto control = in.clients.control_of(serial);
  if (held == nullptr || !control || !os::is_sealed(held->fd)) {
    return Error(ErrorCode::kNotFound, fmt::format("client {} is not there any more", serial));
  }
  VY_TRY(auto fd, os::reopen(held->fd, os::Access::kReadOnly));
  return Readable{held->facts.size, *control, std::move(fd)};
}

Result<Readable> readable_arena(Instance& in, std::uint64_t arena) {
  Held* held = in.holds.find(Kind::kClientArena, arena);
  if (held == nullptr) held = in.holds.find(Kind::kHomeArena, arena);
  const shm::ArenaUse* use = in.arenas.use(static_cast<std::uint32_t>(arena));
  // What is retired must not be mapped by anybody new; what is not sealed must not be seen yet.
  if (held == nullptr || use == nullptr || use->retired || !os::is_sealed(held->fd)) {
    return Error(ErrorCode::kNotFound, fmt::format("arena {} is not there any more", arena));
  }
  VY_TRY(auto fd, os::reopen(held->fd, os::Access::kReadOnly));
  return Readable{held->facts.size, 0, std::move(fd)};
}

Result<void> top_up(Instance& in, Peer& peer) {
  if (!in.clients.established(peer.control, peer.serial))
    return Error(ErrorCode::kInvalid, "join first");
  in.harvester.harvest(peer.control);
  return lend(in, peer, shm::Clients::Window::kDouble);
}

bool leave(Instance& in, Peer& peer) {
  const std::uint64_t serial = peer.serial;
  if (Held* outbox = in.holds.find(Kind::kOutbox, serial)) {
    const auto nobody = os::nobody_writes(outbox->fd);
    if (nobody && !*nobody) return false;
  }
  if (in.clients.established(peer.control, serial)) {
    // What it published stays: without memory to take it home now, it stays where it is until there is some.
    if (!VY_LEFT_OUT("R5") &&
        in.harvester.harvest(peer.control) == shm::Harvester::Progress::kStopped)
      return false;
    VY_FAILPOINT("leave.harvested");
    in.harvester.take_back(peer.control);
    in.arenas.unlist_all(peer.control);
    in.clients.control(peer.control).serial.store(0, std::memory_order_release);
  }
  VY_FAILPOINT("leave.control_free");
  (void)in.holds.drop(Kind::kOutbox, serial);
  const std::uint32_t n = in.entries.touched();
  if (in.detached_leases > 0) {
    for (EntryIndex i{0}; i.value < n; ++i.value) {
      if (in.entries.detached_owner(i) == serial) in.entries.free(i), --in.detached_leases;
    }
  }
  if (Held* connection = in.holds.find(Kind::kConnection, serial)) os::shut_down(connection->fd);
  (void)in.holds.drop(Kind::kConnection, serial);
  in.clients.release_control(peer.control);
  in.waits.forget(serial);
  in.peers.erase(serial);
  return true;
}

void expel(Instance& in, std::uint64_t serial) {
  Peer* peer = in.peer(serial);
  if (peer == nullptr) return;
  if (in.clients.established(peer->control, serial)) {
    in.harvester.take_back(peer->control);
    in.arenas.unlist_all(peer->control);
    in.clients.control(peer->control).serial.store(0, std::memory_order_release);
  }
  (void)in.holds.drop(Kind::kOutbox, serial);
  if (Held* connection = in.holds.find(Kind::kConnection, serial)) os::shut_down(connection->fd);
  peer->gone = true;
}

void sweep_pin_tables(Instance& in, Sweep which) {
  std::vector<std::uint64_t> over;
  for (const auto& [number, held] : in.holds.all(Kind::kPinTable)) {
    const Peer* owner = in.peer(held.facts.owner);
    if (which == Sweep::kOfTheGone && owner != nullptr && !owner->gone) continue;
    const auto nobody =
        VY_LEFT_OUT("R8") ? Result<bool>(owner == nullptr) : os::nobody_writes(held.fd);
    if (nobody && *nobody && os::is_sealed(held.fd)) over.push_back(number);
    // One that was never mapped goes with its owner.
    if (nobody && *nobody && !os::is_sealed(held.fd) && owner == nullptr) over.push_back(number);
  }
  for (std::uint64_t number : over) (void)in.holds.drop(Kind::kPinTable, number);
}

}  // namespace vineyard::server
