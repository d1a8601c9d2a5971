// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

// The machine's own limits, measured in the run that judges us by them.
namespace vineyard::bench {

enum class Placement { kTwoCores, kOneCore };

/// A hash table in shared memory that stands in for an index, with private pins and no fence: ns for lookup, pin,
/// look again, unpin, over `objects` in random order ("floor get").
[[nodiscard]] double floor_get_ns(std::size_t objects);
/// Bump an offset, copy `size` bytes, insert into such a table ("floor put"), all pages touched before.
[[nodiscard]] double floor_put_ns(std::size_t size);
/// One load whose address depends on the one before, random in 256 MiB.
[[nodiscard]] double dependent_load_ns();
/// 64 bytes there and back on a UNIX stream socket between two processes.
/// Pause::kYes: both sides have slept for a millisecond and a half before each trip, as somebody who waits for work.
enum class Pause : std::uint8_t { kNo, kYes };
[[nodiscard]] double socket_round_trip_us(Placement placement, Pause pause = Pause::kNo);
/// Copy with non-temporal stores between warm buffers of this size, GB/s.
[[nodiscard]] double nt_copy_gbs(std::size_t bytes);
/// memcpy into a new mapping of a touched memfd, populated in front of the copy by MADV_POPULATE_READ, GB/s.
[[nodiscard]] double populate_copy_gbs(std::size_t bytes);
/// Sum of 64-bit words of a warm private array, GB/s.
[[nodiscard]] double read_sum_gbs(std::size_t bytes);
[[nodiscard]] std::uint64_t sum_words(const void* data, std::size_t bytes);

}  // namespace vineyard::bench
