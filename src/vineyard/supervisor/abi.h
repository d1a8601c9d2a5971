// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// The C interface between the supervisor and the worker's shared object (docs/adr/0010), which may
// come from another build: a change raises kAbiVersion, and a worker refuses any other version.
namespace vineyard::supervisor {

inline constexpr std::uint32_t kAbiVersion = 1;
inline constexpr std::uint32_t kMaxHoldsPerMessage = 4;

/// Bytes of the region's memfd: room for shm::Region in this and coming layouts. Sparse.
inline constexpr std::uint64_t kRegionBytes = std::uint64_t{1} << 30;

/// Answers to messages. Refused: nothing was held (no descriptor, no mapping left).
inline constexpr std::uint8_t kAnswerDone = 1;
inline constexpr std::uint8_t kAnswerRefused = 2;

/// Exit status of a worker that cannot start and has said why. From the very first worker it ends
/// the instance, with the same status; from a later one it is a death like any other.
inline constexpr int kExitCannotStart = 2;

/// What a held descriptor is.
enum HoldKind : std::uint32_t {
  kConnection = 1,   // number: client serial; owner: control block
  kOutbox = 2,       // number: client serial; owner: the same
  kPinTable = 3,     // number: its own; owner: client serial
  kClientArena = 4,  // number: arena; owner: client serial, 0 = a touched spare that nobody has yet
  kHomeArena = 5,    // number: arena; the supervisor maps it writable before it is sealed
  kWorker = 6,       // the worker's pidfd; known to supervisor and standby only
};

/// One descriptor held by all three. (kind, number) is unique; holding it again replaces it.
struct Hold {
  std::uint32_t kind;
  std::uint32_t fd;  // the descriptor in this process; ignored in messages, beside which it travels
  std::uint64_t number;
  std::uint64_t owner;
  std::uint64_t request;  // id of the request that created it: the same request again finds it here
  std::uint64_t size;
  std::uint64_t address;  // kHomeArena: its writable mapping, inherited by every worker
};

enum HoldOp : std::uint32_t {
  kHold = 1,  // descriptors travel beside the message, one per item
  kDrop = 2,
  kStop = 3,  // the worker asks for a clean end of the instance (no client left, --until-idle)
};

/// Worker -> supervisor -> standby: one packet, answered by one byte (kAnswer...).
struct HoldMessage {
  std::uint32_t op;
  std::uint32_t count;
  Hold items[kMaxHoldsPerMessage];
};

/// What a forked worker finds. Descriptors and addresses are the child's own, inherited. `holds`
/// lasts as long as the process; kWorker is not among them. SIGINT, SIGHUP and SIGPIPE are ignored,
/// SIGTERM ends the worker unless it asks for it; it gets SIGKILL when its supervisor ends.
struct WorkerContext {
  std::uint32_t abi_version;
  std::uint32_t hold_count;
  const Hold* holds;
  std::int32_t supervisor_socket;
  std::int32_t listen_socket;
  std::int32_t region_fd;
  std::int32_t predecessor_fault;  // 1: the last worker died of SEGV, BUS, ABRT, ILL or FPE
  void* region;
  std::uint64_t region_size;
  std::int32_t argc;  // vineyardd's own arguments: the worker parses them again
  std::int32_t reserved;
  char* const* argv;
};

/// The one symbol of the worker's shared object: returns the exit status of the worker process.
inline constexpr const char* kWorkerEntryPoint = "vineyard_worker_main";
using WorkerMain = int (*)(const WorkerContext*);

}  // namespace vineyard::supervisor
