// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace vineyard {

/// The number of an entry in the index region.
struct EntryIndex {
  std::uint32_t value = 0;
  constexpr auto operator<=>(const EntryIndex&) const = default;
};

/// How often an entry was used within its block; 14 bits.
struct Generation {
  std::uint32_t value = 0;
  constexpr auto operator<=>(const Generation&) const = default;
};

/// An instance's share of the id space; 25 bits.
struct BlockId {
  std::uint32_t value = 0;
  constexpr auto operator<=>(const BlockId&) const = default;
};

/// The number of an arena; never used twice within one index region. 0 means none.
struct ArenaId {
  std::uint32_t value = 0;
  constexpr auto operator<=>(const ArenaId&) const = default;
};

/// Names one object for ever: `[1 blob][25 block][24 index][14 generation]` (docs/adr/0003).
///
/// The index part is the number of the object's entry, so a reader goes from the id straight to the entry.
struct ObjectId {
  static constexpr int kGenerationBits = 14;
  static constexpr int kIndexBits = 24;
  static constexpr int kBlockBits = 25;
  static constexpr std::uint64_t kBlobBit = std::uint64_t{1} << 63;

  std::uint64_t value = ~std::uint64_t{0};  ///< as existing clients: the default is the invalid id

  constexpr ObjectId() = default;
  explicit constexpr ObjectId(std::uint64_t bits) : value(bits) {}
  static constexpr ObjectId make(BlockId block, EntryIndex index, Generation generation) {
    return ObjectId((std::uint64_t{block.value} << (kIndexBits + kGenerationBits)) |
                    (std::uint64_t{index.value} << kGenerationBits) | generation.value);
  }
  static constexpr ObjectId invalid() { return ObjectId(~std::uint64_t{0}); }
  static constexpr ObjectId empty_blob() { return ObjectId(kBlobBit); }

  [[nodiscard]] constexpr bool is_blob() const { return (value & kBlobBit) != 0; }
  [[nodiscard]] constexpr bool is_valid() const { return value != ~std::uint64_t{0}; }
  [[nodiscard]] constexpr ObjectId with_blob_bit() const { return ObjectId(value | kBlobBit); }
  [[nodiscard]] constexpr ObjectId without_blob_bit() const { return ObjectId(value & ~kBlobBit); }
  [[nodiscard]] constexpr BlockId block() const {
    return {static_cast<std::uint32_t>(value >> (kIndexBits + kGenerationBits)) &
            ((1U << kBlockBits) - 1)};
  }
  [[nodiscard]] constexpr EntryIndex index() const {
    return {static_cast<std::uint32_t>(value >> kGenerationBits) & ((1U << kIndexBits) - 1)};
  }
  [[nodiscard]] constexpr Generation generation() const {
    return {static_cast<std::uint32_t>(value) & ((1U << kGenerationBits) - 1)};
  }
  constexpr auto operator<=>(const ObjectId&) const = default;

  /// `o` and 16 hexadecimal digits, as programs store it.
  [[nodiscard]] std::string to_string() const;
  /// The id behind `o` and 16 hexadecimal digits; nothing for any other text (that is a name).
  [[nodiscard]] static std::optional<ObjectId> parse(std::string_view text);
};
static_assert(1 + ObjectId::kBlockBits + ObjectId::kIndexBits + ObjectId::kGenerationBits == 64);

}  // namespace vineyard

template <>
struct std::hash<vineyard::ObjectId> {
  std::size_t operator()(const vineyard::ObjectId& id) const noexcept {
    return static_cast<std::size_t>((id.value ^ (id.value >> 32)) * 0x9e3779b97f4a7c15ULL);
  }
};
