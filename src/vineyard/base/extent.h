// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

#include "vineyard/base/ids.h"

namespace vineyard {

/// Where an object's bytes are, in 64 bits: arena number, and offset in units of 64 B (docs/adr/0004).
struct Place {
  static constexpr std::uint64_t kUnit = 64;

  std::uint64_t bits = 0;

  constexpr Place() = default;
  explicit constexpr Place(std::uint64_t raw) : bits(raw) {}
  constexpr Place(ArenaId arena, std::uint64_t offset_bytes)
      : bits((std::uint64_t{arena.value} << 32) | (offset_bytes / kUnit)) {}
  [[nodiscard]] constexpr ArenaId arena() const { return {static_cast<std::uint32_t>(bits >> 32)}; }
  [[nodiscard]] constexpr std::uint64_t offset() const { return (bits & 0xffffffffU) * kUnit; }
  constexpr auto operator<=>(const Place&) const = default;
};

/// A run of bytes in an arena: place and size.
struct Extent {
  Place place;
  std::uint64_t size = 0;
  constexpr auto operator<=>(const Extent&) const = default;
};

/// `size` rounded up to whole units of 64 B; 0 takes one unit, so that no two extents share a place.
[[nodiscard]] constexpr std::uint64_t extent_step(std::uint64_t size) {
  return size == 0 ? Place::kUnit : (size + Place::kUnit - 1) & ~(Place::kUnit - 1);
}

/// Whether `[offset, offset + size)` lies inside `[0, limit)`, without overflow.
[[nodiscard]] constexpr bool lies_within(std::uint64_t offset, std::uint64_t size,
                                         std::uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

}  // namespace vineyard
