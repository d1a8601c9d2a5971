// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// The C interface between the supervisor and the worker's shared object (docs/adr/0010). Plain structs: the two may
// come from different builds. A change raises kAbiVersion; a worker refuses a supervisor of another version.
namespace vineyard::supervisor {

inline constexpr std::uint32_t kAbiVersion = 1;
inline constexpr std::uint32_t kMaxHoldsPerMessage = 4;

/// What a held descriptor is.
enum HoldKind : std::uint32_t {
  kConnection = 1,   // number: client serial; owner: control block
  kOutbox = 2,       // number: client serial; owner: the same
  kPinTable = 3,     // number: its own; owner: client serial
  kClientArena = 4,  // number: arena; owner: client serial, 0 = a touched spare that nobody has yet
  kHomeArena = 5,    // number: arena; the supervisor maps it writable before it is sealed
  kWorker = 6,       // the worker's pidfd; known to supervisor and standby only
};

/// One descriptor held by supervisor, standby and worker. (kind, number) is unique; holding it again replaces it.
struct Hold {
  std::uint32_t kind;
  std::uint32_t fd;        // in memory: the descriptor in this process; in a message: ignored, it travels beside it
  std::uint64_t number;
  std::uint64_t owner;
  std::uint64_t request;   // id of the request that created it: the same request again finds it here
  std::uint64_t size;
  std::uint64_t address;   // kHomeArena: where this process has it mapped writable; inherited by every worker
};

enum HoldOp : std::uint32_t {
  kHold = 1,  // descriptors travel beside the message, one per item
  kDrop = 2,
  kStop = 3,  // the worker asks for a clean end of the instance (no client left, --until-idle)
};

/// Worker -> supervisor -> standby, one SOCK_SEQPACKET message; each is answered by one byte.
struct HoldMessage {
  std::uint32_t op;
  std::uint32_t count;
  Hold items[kMaxHoldsPerMessage];
};

/// What a forked worker finds. Descriptors and addresses are the child's own, inherited.
struct WorkerContext {
  std::uint32_t abi_version;
  std::uint32_t hold_count;
  const Hold* holds;
  std::int32_t supervisor_socket;
  std::int32_t listen_socket;
  std::int32_t region_fd;
  std::int32_t predecessor_fault;  // 1: the worker before died of SEGV, BUS, ABRT, ILL or FPE under this supervisor
  void* region;
  std::uint64_t region_size;
  std::int32_t argc;               // vineyardd's own arguments: the worker parses them again
  std::int32_t reserved;
  char* const* argv;
};

/// The one symbol of the worker's shared object: returns the exit status of the worker process.
inline constexpr const char* kWorkerEntryPoint = "vineyard_worker_main";
using WorkerMain = int (*)(const WorkerContext*);

}  // namespace vineyard::supervisor
