// SPDX-License-Identifier: Apache-2.0
// From C structs of this process to ArrayData: finds out how large each buffer is.
#include <limits>

#include "vineyard/base/try.h"
#include "vineyard/types/arrow/abi.h"
#include "vineyard/types/arrow/array_data.h"

namespace vineyard::arrow {
namespace {

Error invalid(const Field& field, const char* what) {
  return Error(ErrorCode::kInvalid,
               "an Arrow array '" + field.name + "' of type '" + field.format + "': " + what);
}

std::span<const std::byte> run(const void* bytes, std::int64_t size) {
  if (bytes == nullptr) return {};
  return {static_cast<const std::byte*>(bytes), static_cast<std::size_t>(size)};
}

// Sees to one array; its children are seen to by others like it.
class Viewer {
 public:
  Viewer(const Field& field, const ArrowArray& array) : field_(field), array_(array) {}

  Result<ArrayData> view() {
    VY_TRY(check_struct());
    data_.length = array_.length;
    data_.offset = array_.offset;
    data_.null_count = array_.null_count;
    for (std::int64_t i = 0; i < array_.n_children; ++i) {
      VY_TRY(ArrayData child,
             view_array(field_.children[static_cast<std::size_t>(i)], *array_.children[i]));
      data_.children.push_back(std::move(child));
    }
    if (field_.is_dictionary()) {
      VY_TRY(ArrayData values, view_array(field_.dictionary[0], *array_.dictionary));
      data_.dictionary.push_back(std::move(values));
    }
    VY_TRY(view_validity());
    VY_TRY(view_buffers());
    return std::move(data_);
  }

 private:
  Result<void> check_struct() {
    if (array_.release == nullptr) return invalid(field_, "it was released");
    VY_TRY(data_.layout, parse_format(field_.format));
    if (array_.length < 0 || array_.offset < 0 ||
        array_.offset > std::numeric_limits<std::int64_t>::max() / 64 - array_.length)
      return invalid(field_, "its length or offset makes no sense");
    const std::int64_t wanted = data_.layout.buffer_count();
    const bool is_view = data_.layout.kind == LayoutKind::kBinaryView;
    // polars gives arrays of nulls a validity bitmap, which they do not have; it is not looked at.
    const bool is_null = data_.layout.kind == LayoutKind::kNull;
    if (!is_null && (is_view ? array_.n_buffers < wanted + 1 : array_.n_buffers != wanted))
      return invalid(field_, "it does not have the buffers of its type");
    if (array_.n_children != static_cast<std::int64_t>(field_.children.size()))
      return invalid(field_, "it does not have the children of its type");
    if ((array_.dictionary != nullptr) != field_.is_dictionary())
      return invalid(field_, "it has a dictionary and its type has none, or the other way round");
    return {};
  }

  Result<void> view_validity() {
    if (!data_.layout.has_validity()) {
      data_.null_count = data_.layout.kind == LayoutKind::kNull ? data_.length : 0;
      return {};
    }
    const void* bits = array_.buffers[0];
    if (bits == nullptr && data_.null_count > 0)
      return invalid(field_, "it has nulls and no validity bitmap");
    if (bits == nullptr || data_.null_count == 0) {
      data_.null_count = 0;
      data_.buffers.emplace_back();
    } else {
      data_.buffers.push_back(run(bits, (data_.end() + 7) / 8));
    }
    return {};
  }

  Result<void> view_buffers() {
    const std::int64_t end = data_.end();
    const std::uint32_t width = data_.layout.width;
    switch (data_.layout.kind) {
      case LayoutKind::kNull:
      case LayoutKind::kRunEndEncoded: return {};
      case LayoutKind::kFixedSizeList: return has_elements(0, end, data_.layout.list_size);
      case LayoutKind::kStruct: return children_reach(end);
      case LayoutKind::kBool: return add(1, (end + 7) / 8);
      case LayoutKind::kFixedWidth: return add_elements(1, end, width);
      case LayoutKind::kBinary: return view_binary();
      case LayoutKind::kBinaryView: return view_views();
      case LayoutKind::kList: return view_list();
      case LayoutKind::kListView:
        VY_TRY(add_elements(1, end, width));
        return add_elements(2, end, width);
      case LayoutKind::kSparseUnion: VY_TRY(add(0, end)); return children_reach(end);
      case LayoutKind::kDenseUnion: VY_TRY(add(0, end)); return add_elements(1, end, width);
    }
    return {};
  }

  Result<void> add(std::int64_t index, std::int64_t size) {
    const void* bytes = array_.buffers[index];
    if (bytes == nullptr && size > 0) return invalid(field_, "a buffer is missing");
    data_.buffers.push_back(run(bytes, size));
    return {};
  }

  Result<void> add_elements(std::int64_t index, std::int64_t count, std::uint32_t width) {
    if (width != 0 && count > std::numeric_limits<std::int64_t>::max() / width)
      return invalid(field_, "its length or offset makes no sense");
    return add(index, count * width);
  }

  Result<void> children_reach(std::int64_t end) {
    for (const ArrayData& child : data_.children)
      if (child.length < end) return invalid(field_, "a child is too short");
    return {};
  }
  Result<void> has_elements(std::size_t child, std::int64_t lists, std::int64_t each) {
    if (each != 0 && data_.children[child].length / each < lists)
      return invalid(field_, "its values are too few");
    return {};
  }

  // The last offset; adds the offsets. An array without elements need not have any.
  Result<std::int64_t> view_offsets() {
    const std::uint32_t width = data_.layout.width;
    if (array_.length == 0 && array_.buffers[1] == nullptr) {
      data_.buffers.emplace_back();
      return 0;
    }
    VY_TRY(add_elements(1, data_.end() + 1, width));
    const std::int64_t first = offset_at(data_.buffers[1], width, data_.offset);
    const std::int64_t last = offset_at(data_.buffers[1], width, data_.end());
    if (first < 0 || last < first) return invalid(field_, "offsets that go back");
    return last;
  }
  Result<void> view_binary() {
    VY_TRY(const std::int64_t last, view_offsets());
    return add(2, last);
  }
  Result<void> view_list() {
    VY_TRY(const std::int64_t last, view_offsets());
    if (data_.children[0].length < last) return invalid(field_, "its values are too few");
    return {};
  }

  Result<void> view_views() {
    VY_TRY(add_elements(1, data_.end(), data_.layout.width));
    const std::int64_t count = array_.n_buffers - 3;  // the last buffer holds the others' sizes
    const auto* sizes = static_cast<const std::int64_t*>(array_.buffers[array_.n_buffers - 1]);
    if (count > 0 && sizes == nullptr) return invalid(field_, "a buffer is missing");
    for (std::int64_t i = 0; i < count; ++i) {
      if (sizes[i] < 0) return invalid(field_, "a buffer of negative size");
      VY_TRY(add(2 + i, sizes[i]));
    }
    return {};
  }

  const Field& field_;
  const ArrowArray& array_;
  ArrayData data_;
};

}  // namespace

Result<ArrayData> view_array(const Field& field, const ArrowArray& array) {
  return Viewer(field, array).view();
}

}  // namespace vineyard::arrow
