// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/os/unique_fd.h"
#include "vineyard/server/operations/instance.h"

// How clients come and go, and what they are lent.
namespace vineyard::server {

/// A new connection gets a serial and a control block and is held by the supervisor before anything else happens.
/// Errors: full (clients, descriptors).
Result<Peer*> arrive(Instance& in, os::UniqueFd connection);

/// What a new client is given.
struct Joined {
  std::uint64_t pin_table = 0;
  std::vector<os::UniqueFd> descriptors;  // region (read-only), outbox, pin table (read-write)
};
/// Gives a connection its outbox and pin table. Asked again, it answers with the same.
Result<Joined> join(Instance& in, Peer& peer, std::uint64_t request);

/// The client has mapped what `join` gave it, one more pin table, or an arena: list it, then seal it (R15). Returns the
/// list number.
Result<std::uint32_t> mapped_join(Instance& in, Peer& peer, std::uint64_t serial);
Result<std::uint32_t> mapped_pin_table(Instance& in, Peer& peer, std::uint64_t number);
Result<std::uint32_t> mapped_arena(Instance& in, Peer& peer, std::uint64_t number);

/// One more pin table, and the descriptor to map it by.
struct NewPinTable {
  std::uint64_t number = 0;
  os::UniqueFd descriptor;
};
Result<NewPinTable> new_pin_table(Instance& in, Peer& peer, std::uint64_t request);

/// Something to be mapped read-only.
struct Readable {
  std::uint64_t size = 0;
  std::uint32_t control = 0;
  os::UniqueFd descriptor;
};
/// An outbox or arena to read. Errors: not_found (gone, or not yet announced).
Result<Readable> readable_outbox(Instance& in, std::uint64_t serial);
Result<Readable> readable_arena(Instance& in, std::uint64_t arena);

/// Harvests this client and keeps its grants open. Errors: full.
Result<void> top_up(Instance& in, Peer& peer);

/// R5: a client whose connection or process is over. True: it is gone and forgotten; false: somebody still maps its
/// outbox, ask again later. Every step may be repeated by a successor; the connection goes last.
bool leave(Instance& in, Peer& peer);
/// R16: ends a client whose outbox kills workers; the outbox stays unread.
void expel(Instance& in, std::uint64_t serial);
/// R8: forgets pin tables that nobody maps any more. `kAll`: also those of clients that are there.
enum class Sweep : std::uint8_t { kOfTheGone, kAll };
void sweep_pin_tables(Instance& in, Sweep which);

}  // namespace vineyard::server
