// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "vineyard/base/ids.h"

// Every limit of the program, and how they hang together.
namespace vineyard::limits {

// Index region.
inline constexpr std::uint32_t kEntries = 1U << ObjectId::kIndexBits;
inline constexpr std::uint32_t kFreeEntriesKept =
    65536;  // entries are reused oldest first, this many stay free
inline constexpr std::uint32_t kClients = 4096;  // control blocks, so connections that have joined
inline constexpr std::uint32_t kNames = 1U << 20;  // slots of the name table
inline constexpr std::uint32_t kRetiredRing =
    4096;  // retired arena numbers kept for readers that lag
inline constexpr std::uint32_t kFinishedRequests =
    64;  // results kept per client for repeats after a crash

// One client.
inline constexpr std::uint32_t kRing = 4096;  // positions of the record ring, and of the grants
inline constexpr std::uint32_t kFirstGrants = 16;
inline constexpr std::uint32_t kArenasPerClient = 64;     // numbers in a writer's own list
inline constexpr std::uint32_t kDocumentRing = 2U << 20;  // bytes of the outbox's document ring
inline constexpr std::uint32_t kDocumentBudget = 512;     // bytes at home reserved by each grant
inline constexpr std::uint32_t kMaxRingDocument = 32U
                                                  << 10;   // larger ones are announced by message
inline constexpr std::uint32_t kPinSlots = 512;            // slots of one pin table
inline constexpr std::uint32_t kPinSlotsQuota = 1U << 20;  // slots of one process

// Waits. Who asks for a longer one is answered after a year.
inline constexpr std::uint64_t kLongestWaitMs = 365ULL * 24 * 3600 * 1000;

// Documents.
inline constexpr std::uint32_t kMaxDocument = 64U << 20;
inline constexpr std::uint32_t kMaxMembers = 65535;
inline constexpr std::uint32_t kMaxDepth = 64;
inline constexpr std::uint32_t kMaxName = 1024;  // bytes of a name
inline constexpr std::uint32_t kMaxTypeName = 4096;
inline constexpr std::uint32_t kMaxKey = 4096;  // bytes of the key of a field or member

// Protocol.
inline constexpr std::uint32_t kMaxFrame = 64U << 10;  // one packet of the native protocol
inline constexpr std::uint32_t kMaxDescriptors = 4;    // in one packet
inline constexpr std::uint32_t kIdsPerMessage = 4000;  // elements of any list in a message
inline constexpr std::uint32_t kMaxErrorText = 4096;   // bytes of an error's text in a reply

// Memory.
inline constexpr std::uint64_t kFirstArena = 256U << 10;
inline constexpr std::uint64_t kLargestSmallArena = 64U << 20;
inline constexpr std::uint64_t kMaxObject = std::uint64_t{1} << 46;
inline constexpr std::uint32_t kMappings =
    60000;  // arenas mapped by one reader; the kernel allows 65,530 maps

static_assert((kRing & (kRing - 1)) == 0, "positions are taken modulo the ring");
static_assert(kFirstGrants <= kRing);
static_assert(std::uint64_t{kDocumentBudget} * kRing == kDocumentRing,
              "a full window of grants fills the document ring");
static_assert(kMaxRingDocument <= kDocumentRing / 4);
static_assert(2 * kIdsPerMessage * sizeof(std::uint64_t) + 256 <= kMaxFrame,
              "the answer to Delete has two lists");
static_assert(kFreeEntriesKept < kEntries);

}  // namespace vineyard::limits
