// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string>

#include "vineyard/base/extent.h"
#include "vineyard/base/try.h"
#include "vineyard/meta/utf8.h"
#include "vineyard/types/arrow/array_data.h"

namespace vineyard::arrow {
namespace {

class Checker {
 public:
  Checker(const Field& field, const ArrayData& array) : field_(field), array_(array) {}

  Result<void> check() {
    if (!array_.validity().empty() && array_.null_count >= 0 &&
        count_zero_bits(array_.validity(), array_.offset, array_.length) != array_.null_count)
      return corrupt("a wrong number of nulls");
    VY_TRY(check_layout());
    for (std::size_t i = 0; i < array_.children.size(); ++i) {
      VY_TRY(check_content(field_.children[i], array_.children[i]));
    }
    if (!field_.is_dictionary()) return {};
    VY_TRY(check_indices());
    return check_content(field_.dictionary[0], array_.dictionary[0]);
  }

 private:
  [[nodiscard]] Error corrupt(const char* what) const {
    return Error(ErrorCode::kCorrupt,
                 "an Arrow array '" + field_.name + "' of type '" + field_.format + "': " + what);
  }
  [[nodiscard]] bool is_valid(std::int64_t index) const {
    const auto bits = array_.validity();
    if (bits.empty()) return true;
    return (std::to_integer<int>(bits[static_cast<std::size_t>(index / 8)]) >> (index % 8) & 1) !=
           0;
  }

  Result<void> check_layout() {
    switch (array_.layout.kind) {
      case LayoutKind::kNull:
      case LayoutKind::kBool:
      case LayoutKind::kFixedWidth:
      case LayoutKind::kFixedSizeList:
      case LayoutKind::kStruct: return {};
      case LayoutKind::kBinary: return check_binary();
      case LayoutKind::kBinaryView: return check_views();
      case LayoutKind::kList: return check_offsets();
      case LayoutKind::kListView: return check_list_views();
      case LayoutKind::kSparseUnion:
      case LayoutKind::kDenseUnion: return check_union();
      case LayoutKind::kRunEndEncoded: return check_run_ends();
    }
    return {};
  }

  // First and last lie inside (resolve_array); so do all if none goes back.
  Result<void> check_offsets() {
    const std::uint32_t width = array_.layout.width;
    std::int64_t last = offset_at(array_.buffers[1], width, array_.offset);
    bool goes_back = false;
    for (std::int64_t i = array_.offset + 1; i <= array_.end(); ++i) {
      const std::int64_t next = offset_at(array_.buffers[1], width, i);
      goes_back |= next < last;
      last = next;
    }
    if (goes_back) return corrupt("offsets that go back");
    return {};
  }

  Result<void> check_binary() {
    VY_TRY(check_offsets());
    if (!array_.layout.is_text) return {};
    for (std::int64_t i = array_.offset; i < array_.end(); ++i) {
      if (!is_valid(i)) continue;
      const auto begin = offset_at(array_.buffers[1], array_.layout.width, i);
      const auto end = offset_at(array_.buffers[1], array_.layout.width, i + 1);
      VY_TRY(check_text(array_.buffers[2].subspan(static_cast<std::size_t>(begin),
                                                  static_cast<std::size_t>(end - begin))));
    }
    return {};
  }
  Result<void> check_text(std::span<const std::byte> bytes) const {
    if (!meta::is_utf8({reinterpret_cast<const char*>(bytes.data()), bytes.size()}))
      return corrupt("a text that is not UTF-8");
    return {};
  }

  // A view: length, then 12 bytes of text, or 4 bytes of it, number of a buffer, and offset.
  Result<void> check_views() {
    for (std::int64_t i = array_.offset; i < array_.end(); ++i) {
      if (!is_valid(i)) continue;
      const auto view = array_.buffers[1].subspan(static_cast<std::size_t>(i) * 16, 16);
      std::array<std::int32_t, 4> word{};
      std::memcpy(word.data(), view.data(), sizeof word);
      if (word[0] < 0) return corrupt("a view of negative length");
      std::span<const std::byte> text = view.subspan(4);
      if (word[0] <= 12) {
        text = text.first(static_cast<std::size_t>(word[0]));
      } else {
        const auto buffers = static_cast<std::int64_t>(array_.buffers.size()) - 2;
        if (word[2] < 0 || word[2] >= buffers) return corrupt("a view of no buffer");
        const auto& data = array_.buffers[2 + static_cast<std::size_t>(word[2])];
        if (word[3] < 0 || !lies_within(static_cast<std::uint64_t>(word[3]),
                                        static_cast<std::uint64_t>(word[0]), data.size()))
          return corrupt("a view that leads outside");
        text = data.subspan(static_cast<std::size_t>(word[3]), static_cast<std::size_t>(word[0]));
        if (std::memcmp(text.data(), view.data() + 4, 4) != 0)
          return corrupt("a view that does not begin as its text");
      }
      if (array_.layout.is_text) {
        VY_TRY(check_text(text));
      }
    }
    return {};
  }

  Result<void> check_list_views() {
    const std::int64_t limit = array_.children[0].length;
    for (std::int64_t i = array_.offset; i < array_.end(); ++i) {
      const auto begin = offset_at(array_.buffers[1], array_.layout.width, i);
      const auto size = offset_at(array_.buffers[2], array_.layout.width, i);
      if (begin < 0 || size < 0 || begin > limit || size > limit - begin)
        return corrupt("a list that leads outside");
    }
    return {};
  }

  Result<void> check_union() {
    std::array<std::int16_t, 128> child_of{};
    child_of.fill(-1);
    for (std::size_t i = 0; i < array_.layout.type_ids.size(); ++i)
      child_of[static_cast<std::size_t>(array_.layout.type_ids[i])] = static_cast<std::int16_t>(i);
    for (std::int64_t i = array_.offset; i < array_.end(); ++i) {
      const auto id = std::to_integer<std::size_t>(array_.buffers[0][static_cast<std::size_t>(i)]);
      if (id >= child_of.size() || child_of[id] < 0) return corrupt("an unknown type id");
      if (array_.layout.kind == LayoutKind::kSparseUnion) continue;
      const auto at = offset_at(array_.buffers[1], array_.layout.width, i);
      if (at < 0 || at >= array_.children[static_cast<std::size_t>(child_of[id])].length)
        return corrupt("an offset that leads outside");
    }
    return {};
  }

  static std::int64_t number_at(const ArrayData& array, std::int64_t index) {
    const std::byte* at =
        array.buffers[1].data() + static_cast<std::size_t>(index) * array.layout.width;
    switch (array.layout.width) {
      case 1: return std::to_integer<std::int8_t>(*at);
      case 2: {
        std::int16_t value = 0;
        std::memcpy(&value, at, sizeof value);
        return value;
      }
      default: return offset_at(array.buffers[1], array.layout.width, index);
    }
  }

  Result<void> check_run_ends() {
    const ArrayData& ends = array_.children[0];
    std::int64_t last = 0;
    for (std::int64_t i = ends.offset; i < ends.end(); ++i) {
      const std::int64_t next = number_at(ends, i);
      if (next <= last) return corrupt("run ends that do not grow");
      last = next;
    }
    return {};
  }

  Result<void> check_indices() {
    static constexpr std::string_view kSigned = "csil";
    static constexpr std::string_view kUnsigned = "CSIL";
    const bool is_unsigned = kUnsigned.contains(field_.format);
    if (field_.format.size() != 1 || (!is_unsigned && !kSigned.contains(field_.format)))
      return corrupt("indices that are no whole numbers");
    const std::int64_t limit = array_.dictionary[0].length;
    const int bits = 8 * static_cast<int>(array_.layout.width);
    for (std::int64_t i = array_.offset; i < array_.end(); ++i) {
      if (!is_valid(i)) continue;
      std::int64_t index = number_at(array_, i);
      if (is_unsigned && bits < 64) index &= (std::int64_t{1} << bits) - 1;
      // An unsigned index beyond int64 is negative here, so it is refused as well.
      if (index < 0 || index >= limit) return corrupt("an index that leads outside");
    }
    return {};
  }

  const Field& field_;
  const ArrayData& array_;
};

}  // namespace

Result<void> check_content(const Field& field, const ArrayData& array) {
  return Checker(field, array).check();
}

}  // namespace vineyard::arrow
