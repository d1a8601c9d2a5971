// SPDX-License-Identifier: Apache-2.0
// From a node that anybody may have written to ArrayData: every number is checked before it is
// used.
#include <bit>
#include <string>

#include "vineyard/base/limits.h"
#include "vineyard/base/try.h"
#include "vineyard/types/arrow/array_data.h"

namespace vineyard::arrow {
namespace {

constexpr auto kMaxElements = static_cast<std::int64_t>(limits::kMaxObject);

// Offsets of an array without elements for which none were stored.
alignas(8) constexpr std::byte kOneOffset[8] = {};

class Resolver {
 public:
  Resolver(const ObjectSource& source, const Field& field) : source_(source), field_(field) {}

  Result<ArrayData> resolve() {
    VY_TRY(data_.layout, parse_format(field_.format));
    if (data_.layout.child_count() >= 0 &&
        data_.layout.child_count() != static_cast<int>(field_.children.size()))
      return source_.corrupt("a type with a wrong number of children");
    VY_TRY(data_.length, source_.integer("length_"));
    if (source_.has("offset_")) {
      VY_TRY(data_.offset, source_.integer("offset_"));
    }
    if (data_.length < 0 || data_.offset < 0 || data_.length > kMaxElements ||
        data_.offset > kMaxElements)
      return source_.corrupt("a length or offset that makes no sense");
    VY_TRY(resolve_validity());
    VY_TRY(resolve_layout());
    if (field_.is_dictionary()) {
      VY_TRY(const ObjectSource values, source_.member("dictionary_"));
      VY_TRY(ArrayData data, resolve_array(values, field_.dictionary[0]));
      data_.dictionary.push_back(std::move(data));
    }
    return std::move(data_);
  }

 private:
  Result<void> resolve_validity() {
    if (!data_.layout.has_validity()) {
      data_.null_count = data_.layout.kind == LayoutKind::kNull ? data_.length : 0;
      return {};
    }
    std::span<const std::byte> bits;
    if (source_.has("null_bitmap_")) {
      VY_TRY(bits, source_.bytes("null_bitmap_"));
    }
    if (source_.has("null_count_")) {
      VY_TRY(data_.null_count, source_.integer("null_count_"));
    }
    if (data_.null_count < -1 || data_.null_count > data_.length)
      return source_.corrupt("a number of nulls that makes no sense");
    if (bits.empty()) {
      // Existing clients write an empty bitmap where there are no nulls.
      if (data_.null_count > 0) return source_.corrupt("nulls and no validity bitmap");
      data_.null_count = 0;
    } else if (static_cast<std::int64_t>(bits.size()) < (data_.end() + 7) / 8) {
      return source_.corrupt("a validity bitmap that is too short");
    }
    data_.buffers.push_back(bits);
    return {};
  }

  Result<void> resolve_layout() {
    const std::int64_t end = data_.end();
    const std::uint32_t width = data_.layout.width;
    switch (data_.layout.kind) {
      case LayoutKind::kNull: return {};
      case LayoutKind::kBool: return resolve_bits();
      case LayoutKind::kFixedWidth: return buffer("buffer_", end, width);
      case LayoutKind::kBinary: return resolve_binary();
      case LayoutKind::kBinaryView: return resolve_views();
      case LayoutKind::kList: return resolve_list();
      case LayoutKind::kListView:
        VY_TRY(buffer("buffer_offsets_", end, width));
        VY_TRY(buffer("buffer_sizes_", end, width));
        return child("values_", 0);
      case LayoutKind::kFixedSizeList: return resolve_fixed_size_list();
      case LayoutKind::kStruct: return resolve_children(end);
      case LayoutKind::kSparseUnion:
        VY_TRY(buffer("buffer_type_ids_", end, 1));
        return resolve_children(end);
      case LayoutKind::kDenseUnion:
        VY_TRY(buffer("buffer_type_ids_", end, 1));
        VY_TRY(buffer("buffer_offsets_", end, width));
        return resolve_children(0);
      case LayoutKind::kRunEndEncoded: return resolve_run_ends();
    }
    return {};
  }

  // Adds a buffer of at least `count` elements, aligned for them.
  Result<void> buffer(std::string_view key, std::int64_t count, std::uint32_t width) {
    std::span<const std::byte> bytes;
    if (source_.has(key) || count > 0) {
      VY_TRY(bytes, source_.bytes(key));
    }
    if (width != 0 && bytes.size() / width < static_cast<std::uint64_t>(count))
      return source_.corrupt("buffer '" + std::string(key) + "' is too short");
    const std::uint32_t alignment = width >= 8 ? 8 : std::bit_floor(std::max(width, 1U));
    const bool is_number = std::has_single_bit(width);
    if (is_number && reinterpret_cast<std::uintptr_t>(bytes.data()) % alignment != 0)
      return source_.corrupt("buffer '" + std::string(key) + "' is not aligned");
    data_.buffers.push_back(bytes);
    return {};
  }

  Result<void> resolve_bits() {
    VY_TRY(const auto bytes, source_.bytes("buffer_"));
    if (static_cast<std::int64_t>(bytes.size()) < (data_.end() + 7) / 8)
      return source_.corrupt("buffer 'buffer_' is too short");
    data_.buffers.push_back(bytes);
    return {};
  }

  Result<void> child(std::string_view key, std::size_t index) {
    VY_TRY(const ObjectSource member, source_.member(key));
    VY_TRY(ArrayData data, resolve_array(member, field_.children[index]));
    data_.children.push_back(std::move(data));
    return {};
  }

  Result<void> resolve_children(std::int64_t least) {
    for (std::size_t i = 0; i < field_.children.size(); ++i) {
      VY_TRY(child("__fields_-" + std::to_string(i), i));
      if (data_.children.back().length < least) return source_.corrupt("a child that is too short");
    }
    return {};
  }

  // Adds the offsets; they lie within `limit` things.
  Result<void> offsets_within(std::int64_t limit, std::span<const std::byte> offsets) {
    const std::uint32_t width = data_.layout.width;
    const std::int64_t first = offset_at(offsets, width, data_.offset);
    const std::int64_t last = offset_at(offsets, width, data_.end());
    if (first < 0 || last < first || last > limit)
      return source_.corrupt("offsets that lead outside");
    return {};
  }
  Result<void> resolve_offsets() {
    std::span<const std::byte> bytes;
    if (source_.has("buffer_offsets_")) {
      VY_TRY(bytes, source_.bytes("buffer_offsets_"));
    }
    if (bytes.empty() && data_.length == 0) {
      data_.offset = 0;
      data_.buffers.emplace_back(kOneOffset);
      return {};
    }
    return buffer("buffer_offsets_", data_.end() + 1, data_.layout.width);
  }

  Result<void> resolve_binary() {
    VY_TRY(resolve_offsets());
    // Java's writers call the data `buffer_`.
    const char* key = source_.has("buffer_data_") ? "buffer_data_" : "buffer_";
    std::span<const std::byte> bytes;
    if (source_.has(key)) {
      VY_TRY(bytes, source_.bytes(key));
    }
    data_.buffers.push_back(bytes);
    return offsets_within(static_cast<std::int64_t>(bytes.size()), data_.buffers[1]);
  }

  Result<void> resolve_list() {
    VY_TRY(resolve_offsets());
    VY_TRY(child("values_", 0));
    return offsets_within(data_.children[0].length, data_.buffers[1]);
  }

  Result<void> resolve_fixed_size_list() {
    VY_TRY(child("values_", 0));
    const std::int64_t each = data_.layout.list_size;
    if (each != 0 && data_.children[0].length / each < data_.end())
      return source_.corrupt("a child that is too short");
    return {};
  }

  Result<void> resolve_views() {
    VY_TRY(buffer("buffer_views_", data_.end(), data_.layout.width));
    VY_TRY(const std::int64_t count, source_.integer("__buffers_-size"));
    if (count < 0 || count > source_.node().size())
      return source_.corrupt("data buffers that it does not have");
    for (std::int64_t i = 0; i < count; ++i) {
      VY_TRY(const auto bytes, source_.bytes("__buffers_-" + std::to_string(i)));
      data_.buffers.push_back(bytes);
    }
    return {};
  }

  Result<void> resolve_run_ends() {
    VY_TRY(child("run_ends_", 0));
    VY_TRY(child("values_", 1));
    const ArrayData& ends = data_.children[0];
    const std::string& format = field_.children[0].format;
    if ((format != "s" && format != "i" && format != "l") || ends.null_count != 0 ||
        field_.children[0].is_dictionary())
      return source_.corrupt("run ends that are no plain numbers");
    if (ends.length != data_.children[1].length)
      return source_.corrupt("as many run ends as values are wanted");
    if (data_.length == 0) return {};
    if (ends.length == 0 || run_end(ends, ends.length - 1) < data_.end())
      return source_.corrupt("run ends that end too early");
    return {};
  }
  static std::int64_t run_end(const ArrayData& ends, std::int64_t index) {
    const auto& values = ends.buffers[1];
    if (ends.layout.width != 2) return offset_at(values, ends.layout.width, ends.offset + index);
    const auto at = static_cast<std::size_t>(ends.offset + index) * 2;
    return static_cast<std::int16_t>(std::to_integer<int>(values[at]) |
                                     std::to_integer<int>(values[at + 1]) << 8);
  }

  const ObjectSource& source_;
  const Field& field_;
  ArrayData data_;
};

}  // namespace

Result<ArrayData> resolve_array(const ObjectSource& source, const Field& field) {
  return Resolver(source, field).resolve();
}

}  // namespace vineyard::arrow
