// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "vineyard/base/ids.h"

// The control word of an entry: `[1 blob][25 block][14 generation][19 zero][1 doomed][4 state]`.
namespace vineyard::shm {

enum class State : std::uint8_t {
  kFree = 0,     // the id in the word is the next one to be granted
  kLeased = 1,   // lent to a client; published perhaps, not harvested yet
  kLive = 2,     // place and size are good
  kBusy = 3,     // being retired or moved: ask the worker
  kDeleted = 4,  // out of sight, still pinned
  kSpilled = 5,  // in a file
  kRemote = 6,   // on another host
  kVoid =
      7,  // refused at harvest but referred to by a live object: says so until nobody refers to it
};

/// Beside a state: goes as soon as nobody refers to it any more. Its deletion was asked for together with an object that
/// refers to it and is still viewed. Means nothing to readers.
inline constexpr std::uint64_t kDoomed = 16;
/// In the lease word: it holds no lease any more, but the milliseconds since 1970 at which the entry became live.
inline constexpr std::uint64_t kSince = std::uint64_t{1} << 63;
inline constexpr std::uint64_t kIdentityMask = ~std::uint64_t{0xffffff};

/// The control word for `id` in `state`.
[[nodiscard]] constexpr std::uint64_t make_word(ObjectId id, State state) {
  return (id.value >> 38 << 38) | (std::uint64_t{id.generation().value} << 24) |
         static_cast<std::uint64_t>(state);
}
[[nodiscard]] constexpr State state_of(std::uint64_t word) {
  return static_cast<State>(word & 15);
}
/// The id that a word at `index` stands for.
[[nodiscard]] constexpr ObjectId id_of(EntryIndex index, std::uint64_t word) {
  return ObjectId((word >> 38 << 38) | (std::uint64_t{index.value} << 14) |
                  ((word >> 24) & 0x3fff));
}
/// Whether `word` belongs to `id`. A grant is lent without the blob bit: while leased, the bit is not compared, nor when
/// its record was refused.
[[nodiscard]] constexpr bool matches(ObjectId id, std::uint64_t word) {
  const std::uint64_t difference = make_word(id, State::kFree) ^ (word & kIdentityMask);
  if (difference == 0) return word >> 38 != 0;
  const bool is_granted = state_of(word) == State::kLeased || state_of(word) == State::kVoid;
  return difference == ObjectId::kBlobBit && is_granted && (word << 1) >> 39 != 0;
}

}  // namespace vineyard::shm
