// SPDX-License-Identifier: Apache-2.0
// From ArrayData to a node and its buffers: cuts out what a slice needs.
#include <cstring>

#include "vineyard/types/arrow/array_data.h"

namespace vineyard::arrow {
namespace {

// One array's slice. `start` is the first element that is stored, a few bits before the first that
// is wanted if there are bits: bits are never shifted, all buffers begin at a whole byte.
class Describer {
 public:
  Describer(ObjectDraft& draft, meta::NodeRef node, const Field& field, const ArrayData& array,
            std::int64_t begin, std::int64_t count)
      : draft_(draft), node_(node), field_(field), array_(array), count_(count) {
    const std::int64_t first = array.offset + begin;
    nulls_ = count_nulls(first, begin);
    const bool has_bits = nulls_ != 0 && !array.validity().empty();
    const bool by_bits = has_bits || array.layout.kind == LayoutKind::kBool;
    // Children of a run-end encoded array are stored whole, its offset as it is.
    offset_ = array.layout.kind == LayoutKind::kRunEndEncoded ? first : by_bits ? first % 8 : 0;
    start_ = first - offset_;
    stored_ = offset_ + count;
    keeps_validity_ = has_bits;
  }

  void describe() {
    meta::DocumentBuilder& document = draft_.document();
    const std::uint64_t before = draft_.payload_size();
    describe_layout();
    document.set(node_, "length_", count_);
    if (keeps_validity_) bits("null_bitmap_", array_.validity());
    if (array_.layout.kind != LayoutKind::kNull) {
      document.set(node_, "null_count_", nulls_);
      document.set(node_, "offset_", offset_);
    }
    if (field_.is_dictionary()) whole("dictionary_", field_.dictionary[0], array_.dictionary[0]);
    document.set_nbytes(node_, draft_.payload_size() - before);
  }

 private:
  [[nodiscard]] std::int64_t count_nulls(std::int64_t first, std::int64_t begin) const {
    if (array_.layout.kind == LayoutKind::kNull) return count_;
    if (array_.validity().empty()) return 0;
    if (begin == 0 && count_ == array_.length && array_.null_count >= 0) return array_.null_count;
    return count_zero_bits(array_.validity(), first, count_);
  }

  void describe_layout() {
    switch (array_.layout.kind) {
      case LayoutKind::kNull: return;
      case LayoutKind::kBool: return bits("buffer_", array_.buffers[1]);
      case LayoutKind::kFixedWidth:
        if (field_.format.starts_with("w:") || field_.format.starts_with("d:"))
          draft_.document().set(node_, "byte_width_", array_.layout.width);
        return values("buffer_", array_.buffers[1], array_.layout.width);
      case LayoutKind::kBinary: return describe_binary();
      case LayoutKind::kBinaryView: return describe_views();
      case LayoutKind::kList: return describe_list();
      case LayoutKind::kListView:
        values("buffer_offsets_", array_.buffers[1], array_.layout.width);
        values("buffer_sizes_", array_.buffers[2], array_.layout.width);
        return whole("values_", field_.children[0], array_.children[0]);
      case LayoutKind::kFixedSizeList: {
        const std::int64_t each = array_.layout.list_size;
        draft_.document().set(node_, "list_size_", each);
        return child("values_", 0, start_ * each, stored_ * each);
      }
      case LayoutKind::kStruct: return describe_children();
      case LayoutKind::kSparseUnion:
        values("buffer_type_ids_", array_.buffers[0], 1);
        return describe_children();
      case LayoutKind::kDenseUnion:
        values("buffer_type_ids_", array_.buffers[0], 1);
        values("buffer_offsets_", array_.buffers[1], array_.layout.width);
        for (std::size_t i = 0; i < array_.children.size(); ++i)
          whole(child_key(i), field_.children[i], array_.children[i]);
        return;
      case LayoutKind::kRunEndEncoded:
        whole("run_ends_", field_.children[0], array_.children[0]);
        return whole("values_", field_.children[1], array_.children[1]);
    }
  }

  static std::string child_key(std::size_t index) { return "__fields_-" + std::to_string(index); }

  void bits(std::string_view key, std::span<const std::byte> bytes) {
    const auto begin = static_cast<std::size_t>(start_ / 8);
    const auto end = static_cast<std::size_t>((start_ + stored_ + 7) / 8);
    draft_.add_bytes(node_, key, bytes.subspan(begin, end - begin));
  }
  void values(std::string_view key, std::span<const std::byte> bytes, std::uint32_t width) {
    const auto begin = static_cast<std::size_t>(start_) * width;
    draft_.add_bytes(node_, key, bytes.subspan(begin, static_cast<std::size_t>(stored_) * width));
  }
  void child(std::string_view key, std::size_t index, std::int64_t begin, std::int64_t count) {
    add_array(key, field_.children[index], array_.children[index], begin, count);
  }
  void whole(std::string_view key, const Field& field, const ArrayData& array) {
    add_array(key, field, array, 0, array.length);
  }
  void add_array(std::string_view key, const Field& field, const ArrayData& array,
                 std::int64_t begin, std::int64_t count) {
    const meta::NodeRef node =
        draft_.document().add_node(node_, key, type_name_of(field, array.layout));
    describe_array(draft_, node, field, array, begin, count);
  }
  void describe_children() {
    for (std::size_t i = 0; i < array_.children.size(); ++i)
      child(child_key(i), i, start_, stored_);
  }

  // Adds offsets that begin at 0 and returns what they were counted from.
  std::int64_t describe_offsets(std::int64_t& length) {
    const std::uint32_t width = array_.layout.width;
    if (array_.buffers[1].empty()) {  // no elements, no offsets: others expect one
      draft_.add_generated(node_, "buffer_offsets_", width,
                           [](std::span<std::byte> to) { std::memset(to.data(), 0, to.size()); });
      length = 0;
      return 0;
    }
    const std::int64_t base = offset_at(array_.buffers[1], width, start_);
    length = offset_at(array_.buffers[1], width, start_ + stored_) - base;
    if (base < 0 || length < 0) {
      draft_.fail(Error(ErrorCode::kInvalid, "an Arrow array with offsets that go back"));
      length = 0;
      return 0;
    }
    const auto offsets = array_.buffers[1].subspan(static_cast<std::size_t>(start_) * width,
                                                   (static_cast<std::size_t>(stored_) + 1) * width);
    if (base == 0) {
      draft_.add_bytes(node_, "buffer_offsets_", offsets);
    } else if (width == 4) {
      draft_.add_generated(node_, "buffer_offsets_", offsets.size(),
                           [offsets, base](std::span<std::byte> to) {
                             rebase<std::int32_t>(offsets, static_cast<std::int32_t>(base), to);
                           });
    } else {
      draft_.add_generated(
          node_, "buffer_offsets_", offsets.size(),
          [offsets, base](std::span<std::byte> to) { rebase<std::int64_t>(offsets, base, to); });
    }
    return base;
  }
  template <class T>
  static void rebase(std::span<const std::byte> from, T base, std::span<std::byte> to) {
    for (std::size_t at = 0; at < from.size(); at += sizeof(T)) {
      T value = 0;
      std::memcpy(&value, from.data() + at, sizeof value);
      value -= base;
      std::memcpy(to.data() + at, &value, sizeof value);
    }
  }

  void describe_binary() {
    std::int64_t length = 0;
    const std::int64_t base = describe_offsets(length);
    draft_.add_bytes(node_, "buffer_data_",
                     array_.buffers[2].subspan(static_cast<std::size_t>(base),
                                               static_cast<std::size_t>(length)));
  }
  void describe_list() {
    std::int64_t length = 0;
    const std::int64_t base = describe_offsets(length);
    child("values_", 0, base, length);
  }
  // The data buffers are kept whole: views of the slice may point anywhere.
  void describe_views() {
    values("buffer_views_", array_.buffers[1], array_.layout.width);
    draft_.document().set(node_, "__buffers_-size", array_.buffers.size() - 2);
    for (std::size_t i = 2; i < array_.buffers.size(); ++i)
      draft_.add_bytes(node_, "__buffers_-" + std::to_string(i - 2), array_.buffers[i]);
  }

  ObjectDraft& draft_;
  meta::NodeRef node_;
  const Field& field_;
  const ArrayData& array_;
  std::int64_t count_;
  std::int64_t nulls_ = 0;
  std::int64_t offset_ = 0;  // of the stored array
  std::int64_t start_ = 0;   // in the buffers of `array_`
  std::int64_t stored_ = 0;  // elements from `start_` on
  bool keeps_validity_ = false;
};

}  // namespace

void describe_array(ObjectDraft& draft, meta::NodeRef node, const Field& field,
                    const ArrayData& array, std::int64_t begin, std::int64_t count) {
  Describer(draft, node, field, array, begin, count).describe();
}

}  // namespace vineyard::arrow
