// SPDX-License-Identifier: Apache-2.0
// From many arrays of texts to one node: their pieces are written one behind the other when the object is published.
#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "vineyard/client/copy.h"
#include "vineyard/types/arrow/array_data.h"

namespace vineyard::arrow {
namespace {

/// What one array gives: `bytes` is what its offsets from `first` on, counted from `base`, lead to.
struct Piece {
  const ArrayData* array;
  std::int64_t first;
  std::int64_t count;
  std::int64_t base;
  std::span<const std::byte> bytes;
};

/// The eight bits from `first` on; those behind the end of the buffer are zeros.
std::uint8_t eight_bits(std::span<const std::byte> bits, std::int64_t first) {
  const auto at = static_cast<std::size_t>(first / 8);
  unsigned pair = std::to_integer<unsigned>(bits[at]);
  if (at + 1 < bits.size()) pair |= std::to_integer<unsigned>(bits[at + 1]) << 8;
  return static_cast<std::uint8_t>(pair >> (first % 8));
}

void write_validity(const std::vector<Piece>& pieces, std::span<std::byte> to) {
  std::memset(to.data(), 0, to.size());
  std::int64_t at = 0;
  for (const Piece& piece : pieces) {
    const auto validity = piece.array->validity();
    for (std::int64_t done = 0; done < piece.count; done += 8) {
      const std::int64_t left = std::min<std::int64_t>(piece.count - done, 8);
      unsigned bits = validity.empty() ? 0xff : eight_bits(validity, piece.first + done);
      bits = (bits & (0xffU >> (8 - left))) << ((at + done) % 8);
      const auto byte = static_cast<std::size_t>((at + done) / 8);
      to[byte] |= static_cast<std::byte>(bits);
      if (bits > 0xff) to[byte + 1] |= static_cast<std::byte>(bits >> 8);
    }
    at += piece.count;
  }
}

/// Writes small pieces one behind the other in blocks that are large enough to go past the caches.
///
/// Owner:   a function; borrows the room, which begins at a 64-byte boundary.
/// Threads: one at a time.
/// Always:  what was added is written by `finish` at the latest.
class BlockWriter {
 public:
  explicit BlockWriter(std::span<std::byte> to) : to_(to), whole_(to.size()), block_(kBlock) {}

  void add(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto room = next(bytes.size());
      std::memcpy(room.data(), bytes.data(), room.size());
      bytes = bytes.subspan(room.size());
    }
  }
  /// Room for the next bytes, at least one and at most `size`, which counts as written; good until the next call.
  std::span<std::byte> next(std::size_t size) {
    if (used_ == block_.size()) finish();
    const auto room = std::span(block_).subspan(used_, std::min(size, block_.size() - used_));
    used_ += room.size();
    return room;
  }
  void finish() {
    client::copy_to_pool(to_.data(), block_.data(), used_, whole_);
    to_ = to_.subspan(used_);
    used_ = 0;
  }

 private:
  static constexpr std::size_t kBlock = std::size_t{32} << 10;
  std::span<std::byte> to_;
  std::size_t whole_;
  std::vector<std::byte> block_;
  std::size_t used_ = 0;
};

template <class T>
void write_offsets(const std::vector<Piece>& pieces, std::span<std::byte> to) {
  BlockWriter writer(to);
  T length = 0;
  for (const Piece& piece : pieces) {
    const T shift = length - static_cast<T>(piece.base);
    const std::byte* from = piece.count == 0 ? nullptr : piece.array->buffers[1].data();
    auto at = static_cast<std::size_t>(piece.first);
    for (const std::size_t end = at + static_cast<std::size_t>(piece.count); at < end;) {
      const auto room = writer.next((end - at) * sizeof(T));
      for (std::size_t i = 0; i < room.size(); i += sizeof(T), ++at) {
        T offset = 0;
        std::memcpy(&offset, from + at * sizeof offset, sizeof offset);
        offset += shift;
        std::memcpy(room.data() + i, &offset, sizeof offset);
      }
    }
    length += static_cast<T>(piece.bytes.size());
  }
  writer.add(std::as_bytes(std::span(&length, 1)));
  writer.finish();
}

void write_bytes(const std::vector<Piece>& pieces, std::span<std::byte> to) {
  BlockWriter writer(to);
  for (const Piece& piece : pieces) writer.add(piece.bytes);
  writer.finish();
}

Result<Piece> piece_of(const ArrayData& array) {
  Piece piece{
      .array = &array, .first = array.offset, .count = array.length, .base = 0, .bytes = {}};
  if (array.length == 0) return piece;  // its buffers may be missing
  const std::uint32_t width = array.layout.width;
  piece.base = offset_at(array.buffers[1], width, piece.first);
  const std::int64_t end = offset_at(array.buffers[1], width, piece.first + piece.count);
  if (piece.base < 0 || end < piece.base)
    return Error(ErrorCode::kInvalid, "an Arrow array with offsets that go back");
  piece.bytes = array.buffers[2].subspan(static_cast<std::size_t>(piece.base),
                                         static_cast<std::size_t>(end - piece.base));
  return piece;
}

std::int64_t nulls_of(const Piece& piece) {
  if (piece.count == 0 || piece.array->validity().empty()) return 0;
  if (piece.array->null_count >= 0) return piece.array->null_count;
  return count_zero_bits(piece.array->validity(), piece.first, piece.count);
}

}  // namespace

void describe_joined(ObjectDraft& draft, meta::NodeRef node, const Field& field,
                     std::span<const ArrayData* const> arrays) {
  std::vector<Piece> pieces;
  std::int64_t count = 0, nulls = 0;
  std::uint64_t bytes = 0;
  for (const ArrayData* array : arrays) {
    if (array->layout.kind != LayoutKind::kBinary ||
        array->layout.width != arrays.front()->layout.width)
      return draft.fail(
          Error(ErrorCode::kInvalid, "arrays are joined that are not of one text or binary type"));
    Result<Piece> piece = piece_of(*array);
    if (!piece) return draft.fail(std::move(piece).error());
    count += piece->count;
    nulls += nulls_of(*piece);
    bytes += piece->bytes.size();
    pieces.push_back(*piece);
  }
  if (arrays.empty()) return draft.fail(Error(ErrorCode::kInvalid, "no arrays to be joined"));
  const std::uint32_t width = arrays.front()->layout.width;
  if (width == 4 && bytes > std::numeric_limits<std::int32_t>::max())
    return draft.fail(Error(ErrorCode::kInvalid, "the joined texts need offsets of 64 bits"));

  meta::DocumentBuilder& document = draft.document();
  const std::uint64_t before = draft.payload_size();
  document.set_type_name(node, type_name_of(field, arrays.front()->layout));
  draft.add_generated(node, "buffer_offsets_", (static_cast<std::uint64_t>(count) + 1) * width,
                      [pieces, width](std::span<std::byte> to) {
                        width == 4 ? write_offsets<std::int32_t>(pieces, to)
                                   : write_offsets<std::int64_t>(pieces, to);
                      });
  draft.add_generated(node, "buffer_data_", bytes,
                      [pieces](std::span<std::byte> to) { write_bytes(pieces, to); });
  document.set(node, "length_", count);
  if (nulls > 0) {
    draft.add_generated(node, "null_bitmap_", (static_cast<std::uint64_t>(count) + 7) / 8,
                        [pieces](std::span<std::byte> to) { write_validity(pieces, to); });
  }
  document.set(node, "null_count_", nulls);
  document.set(node, "offset_", std::int64_t{0});
  document.set_nbytes(node, draft.payload_size() - before);
}

}  // namespace vineyard::arrow
