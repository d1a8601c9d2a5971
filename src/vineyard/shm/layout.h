// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "vineyard/base/ids.h"
#include "vineyard/base/limits.h"

// The bytes of shared memory: index region, outbox, pin table. Described in layout.md; a change of a meaning here raises
// kLayoutVersion, a change of a size or place shows in kLayoutFingerprint by itself.
namespace vineyard::shm {

inline constexpr std::uint32_t kLayoutVersion = 1;
inline constexpr std::uint64_t kRegionMagic = 0x314e4f4947455256ULL;  // "VREGION1"

using Word64 = std::atomic<std::uint64_t>;
static_assert(sizeof(Word64) == 8 && Word64::is_always_lock_free);

/// One object's record. Written by the worker alone, read by every local client.
/// word:  see shm/entry.h.  lease: client serial << 32 | ring position modulo 2^32, while leased; then kSince and when it
/// became live.
/// place: arena number << 32 | offset / 64.  size: bytes of the payload (blob) or of the document.
struct Entry {
  Word64 word;
  Word64 lease;
  Word64 place;
  Word64 size;
};
static_assert(sizeof(Entry) == 32);

/// A finished request, kept so that a repeat after a worker's death is answered and not done again.
/// request: its id; result: what the reply said; status: 0 pending, 1 + ErrorCode (1 = ok).
struct FinishedRequest {
  Word64 request;
  Word64 status;
  Word64 result;
};

inline constexpr std::size_t kProgramWords = 8;

/// One client's control block. Written by the worker, read by all.
struct ClientControl {
  Word64 serial;     // 0: free
  Word64 granted;    // positions shown so far
  Word64 harvested;  // positions taken so far
  Word64 wanted;     // somebody sleeps until this client publishes (R11)
  Word64 uid;        // of the client process, as the kernel said
  Word64 pid;
  Word64 program[kProgramWords];  // its name as it said, ended by zeros
  Word64 window;                  // grants kept open
  Word64 finished_count;
  Word64 arenas
      [limits::
           kArenasPerClient];  // R15: number within the writer's own list -> arena number, 0 free
  Word64 arena_present
      [limits::kArenasPerClient];  // harvested entries whose bytes are in that arena now
  FinishedRequest finished[limits::kFinishedRequests];
  Word64 grants[limits::kRing];  // ids lent, without the blob bit
};

/// One name. Written by the worker; readers look at `id` before and after (shm/name_table.h).
struct NameSlot {
  Word64 id;      // 0: never used, kNameTombstone: used and free again, else the object's id
  Word64 hash;    // of the name's bytes
  Word64 place;   // of the name's bytes, in an arena of the worker
  Word64 length;  // bytes of the name
};

/// A foreign id and its local twin (a replica, a migrated or restored object). Same rules as NameSlot.
struct AliasSlot {
  Word64 foreign;
  Word64 local;
};
inline constexpr std::uint32_t kAliases = 1U << 20;

/// What every client looks at first: who this is, how far the region is touched, and what was retired.
struct RegionHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t fingerprint;  // of the layout: kLayoutFingerprint of who made the region
  Word64 instance;            // random, names this index region
  Word64 epoch;               // counts workers; a new one raises it when it is ready
  Word64 turns;               // counts the worker's turns: stopped or busy?
  Word64 entries_touched;     // high-water mark: nobody reads entries at or beyond it
  Word64 clients_touched;
  Word64 names_used;   // slots that are or were in use
  Word64 next_serial;  // of clients, pin tables, outboxes
  Word64 next_arena;
  Word64 next_block;  // next id block this instance may use, and how many are left
  Word64 blocks_left;
  Word64 current_block;
  Word64 flags;      // RegionFlag
  Word64 mark;       // R16: serial << 32 | position being looked at, 0 none
  Word64 last_mark;  // the mark at which the previous worker died of a fault
  Word64 pool_bytes;
  Word64 daemon_uid;
  Word64 page_kind;      // bytes of the pages in force
  Word64 arena_bytes;    // size of a full-grown small-object arena
  Word64 retired_count;  // how many arena numbers were ever retired
  Word64 retired[limits::kRetiredRing];
};

enum RegionFlag : std::uint64_t {
  kRegionReadersMustFence =
      1,  // the worker has no membarrier: every reader fences after its pin store
  kRegionStopping = 2,
};

/// The index region. Sparse; mapped at its full size by everybody, touched as it fills.
struct Region {
  alignas(4096) RegionHeader header;
  alignas(4096) ClientControl clients[limits::kClients];
  alignas(4096) NameSlot names[limits::kNames];
  alignas(4096) AliasSlot aliases[kAliases];
  alignas(4096) Entry entries[limits::kEntries];
};

/// A record: what a writer says about one granted id. `id` is the granted id, with the blob bit for a blob; 0 is void.
/// Blob: `place` = number within the writer's own arena list << 32 | offset / 64, `size` bytes.
/// Object: its document is `document_size` bytes at `document` modulo the document ring, in one piece.
struct Record {
  std::uint64_t id;
  std::uint64_t place;
  std::uint64_t size;
  std::uint64_t document;
  std::uint64_t document_size;
};
static_assert(sizeof(Record) == 40);

/// One client's two rings. Written by that client alone; read by the worker and by readers of fresh objects.
struct Outbox {
  alignas(64) Word64 tail;  // positions published; one release store publishes
  alignas(64) Record records[limits::kRing];
  alignas(64) std::uint8_t documents[limits::kDocumentRing];
};

/// A reader's pins: object ids, 0 = free. Written by that reader alone, read by the worker.
struct PinTable {
  Word64 high_water;  // slots ever used in this table; the worker clamps it
  Word64 reserved[7];
  Word64 slots[limits::kPinSlots];
};

inline constexpr std::uint64_t kNameTombstone = ~std::uint64_t{0};

namespace detail {
// FNV-1a of the sizes and places that two builds must have alike.
consteval std::uint32_t fingerprint_of_layout() {
  const std::size_t facts[] = {sizeof(Region),
                               offsetof(Region, clients),
                               offsetof(Region, names),
                               offsetof(Region, aliases),
                               offsetof(Region, entries),
                               sizeof(RegionHeader),
                               offsetof(RegionHeader, mark),
                               offsetof(RegionHeader, retired),
                               sizeof(ClientControl),
                               offsetof(ClientControl, program),
                               offsetof(ClientControl, window),
                               offsetof(ClientControl, arenas),
                               offsetof(ClientControl, finished),
                               offsetof(ClientControl, grants),
                               sizeof(NameSlot),
                               sizeof(AliasSlot),
                               sizeof(Entry),
                               sizeof(Record),
                               sizeof(Outbox),
                               offsetof(Outbox, records),
                               offsetof(Outbox, documents),
                               sizeof(PinTable),
                               offsetof(PinTable, slots)};
  std::uint32_t hash = 2166136261U;
  for (const std::size_t fact : facts) {
    for (int shift = 0; shift < 64; shift += 8)
      hash = (hash ^ static_cast<std::uint8_t>(fact >> shift)) * 16777619U;
  }
  return hash;
}
}  // namespace detail
inline constexpr std::uint32_t kLayoutFingerprint = detail::fingerprint_of_layout();

/// Whether a region is laid out as this build reads it.
[[nodiscard]] constexpr bool is_known_layout(const RegionHeader& header) {
  return header.magic == kRegionMagic && header.version == kLayoutVersion &&
         header.fingerprint == kLayoutFingerprint;
}

}  // namespace vineyard::shm
