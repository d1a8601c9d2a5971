// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "vineyard/base/limits.h"

// The bytes of a document, described in document.md. Included by this folder's sources only.
namespace vineyard::meta::format {

static_assert(std::endian::native == std::endian::little, "documents are visited in place");

inline constexpr std::uint32_t kMagic = 0x31445956;  // "VYD1"

/// First bytes of a document; the references follow at once, then nodes, items, cells, texts.
struct Header {
  std::uint32_t magic;
  std::uint32_t size;  // of the whole document, a multiple of 8
  std::uint16_t reference_count;
  std::uint16_t payload_count;
  std::uint32_t node_count;
  std::uint32_t item_count;
  std::uint32_t text_start;  // offset of the texts, a multiple of 8
};
static_assert(sizeof(Header) == 24);

/// One node; its items end where those of the next node begin.
struct Node {
  std::uint32_t name_and_flags;  // text of the type name in the low 26 bits, flags above
  std::uint32_t first_item;
  std::uint64_t nbytes;
};
static_assert(sizeof(Node) == 16);

/// One field or member; the items of a node are sorted by key.
struct Item {
  std::uint32_t key_and_kind;  // text of the key in the low 26 bits, ItemKind above
  std::uint32_t value;
};
static_assert(sizeof(Item) == 8);

inline constexpr int kTextBits = 26;
inline constexpr std::uint32_t kTextMask = (1U << kTextBits) - 1;
static_assert(limits::kMaxDocument <= kTextMask + 1, "every text has an offset of 26 bits");
static_assert(limits::kMaxMembers <= 0xffff, "references are counted in 16 bits");

enum class ItemKind : std::uint32_t {
  kNull = 0,
  kFalse = 1,
  kTrue = 2,
  kSmallInt = 3,     // value: the number, 32 bits signed
  kInt64 = 4,        // value: number of the cell
  kUint64 = 5,       // the same, beyond the range of int64
  kSmallDouble = 6,  // value: the bits of a float that is exactly this double
  kDouble = 7,
  kText = 8,        // value: text
  kBytes = 9,       // value: text that need not be UTF-8
  kInt64List = 10,  // value: number of the cell that holds the count; the elements follow
  kUint64List = 11,
  kDoubleList = 12,
  kBoolList = 13,  // one byte an element
  kTextList = 14,  // 32-bit ends of the texts, then their bytes
  kNode = 16,      // value: number of the node
  kObject = 17,    // value: number of the reference
  kBuffer = 18,    // value: number of the first of two cells: [16 reference][48 offset], length
};
inline constexpr std::uint32_t kFirstMemberKind = 16;
inline constexpr std::uint32_t kLastKind = 18;

inline constexpr int kBufferOffsetBits = 48;
static_assert(limits::kMaxObject <= std::uint64_t{1} << kBufferOffsetBits);

inline constexpr std::uint32_t kGlobalFlag = 1;
inline constexpr std::uint32_t kKnownFlags = kGlobalFlag;

/// What all texts and lists of a document may add up to, each counted as often as it is referred
/// to: shared texts must not make a small document expensive to check or to print.
inline constexpr std::uint64_t kMaxExpanded = 4ULL * limits::kMaxDocument;

/// The bytes behind a text's length, or nothing if the text does not lie within `size` bytes.
struct TextAt {
  const char* data = nullptr;
  std::uint32_t size = 0;
};

/// Reads a text: its length in groups of 7 bits, lowest first, at most four of them; then its
/// bytes.
[[nodiscard]] inline TextAt read_text(const char* at) {
  std::uint32_t size = static_cast<std::uint8_t>(*at++);
  if (size >= 0x80) {
    size &= 0x7f;
    for (int shift = 7; shift < 28; shift += 7) {
      const std::uint32_t group = static_cast<std::uint8_t>(*at++);
      size |= (group & 0x7f) << shift;
      if (group < 0x80) break;
    }
  }
  return {at, size};
}

/// The same for bytes that nobody has checked; `data` is null if the text does not lie in `[at,
/// end)`.
[[nodiscard]] inline TextAt read_untrusted_text(const char* at, const char* end) {
  std::uint32_t size = 0;
  for (int shift = 0; shift < 28; shift += 7) {
    if (at >= end) return {};
    const std::uint32_t group = static_cast<std::uint8_t>(*at++);
    size |= (group & 0x7f) << shift;
    if (group < 0x80)
      return static_cast<std::uint64_t>(end - at) < size ? TextAt{} : TextAt{at, size};
  }
  return {};
}

}  // namespace vineyard::meta::format
