// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/result.h"

// What a format string of the Arrow C data interface says about memory.
namespace vineyard::arrow {

/// The physical layouts of the Arrow columnar format (Columnar.rst, "Physical Memory Layout").
enum class LayoutKind : std::uint8_t {
  kNull,           ///< no buffers
  kBool,           ///< validity, bits
  kFixedWidth,     ///< validity, values of `width` bytes
  kBinary,         ///< validity, offsets of `width` bytes, data
  kBinaryView,     ///< validity, views of 16 bytes, data buffers
  kList,           ///< validity, offsets of `width` bytes; one child. Maps as well
  kListView,       ///< validity, offsets and sizes of `width` bytes; one child
  kFixedSizeList,  ///< validity; one child of `list_size` elements each
  kStruct,         ///< validity; children
  kSparseUnion,    ///< type ids; children as long as the union
  kDenseUnion,     ///< type ids, offsets of 4 bytes; children
  kRunEndEncoded,  ///< no buffers; children `run_ends` and `values`
};

/// Where the bytes of an array are, as its format says.
///
/// Owner:   whoever holds it.
/// Threads: as any value.
/// Always:  made by `parse_format`; widths are positive for offsets, zero or more for values.
struct Layout {
  LayoutKind kind = LayoutKind::kNull;
  std::uint32_t width = 0;     ///< bytes of a value, or of an offset
  std::int32_t list_size = 0;  ///< of a fixed-size list
  bool is_text = false;        ///< binary whose bytes are UTF-8
  bool is_map = false;
  std::vector<std::int8_t> type_ids = {};  ///< of a union, one per child

  /// Buffers in the C data interface, without the variadic ones and the sizes of a binary view.
  [[nodiscard]] std::uint32_t buffer_count() const;
  [[nodiscard]] bool has_validity() const;
  /// Number of children, or -1 for any.
  [[nodiscard]] int child_count() const;
};

/// Errors: unsupported (a format that this build does not know).
[[nodiscard]] Result<Layout> parse_format(std::string_view format);

/// The type name of an object or node that holds an array of this format (interop: Arrow arrays).
[[nodiscard]] std::string type_name_of(std::string_view format, const Layout& layout);

/// The format behind a type name that an existing client wrote: `vineyard::NumericArray<int64>` is
/// `l`. Empty if the name alone does not say it.
[[nodiscard]] std::string format_of_type_name(std::string_view type_name);

/// The type's name as Arrow shows it for primitive types: `int64`, `date32[day]`, `timestamp[ns,
/// tz=UTC]`.
[[nodiscard]] std::string primitive_name(std::string_view format);

}  // namespace vineyard::arrow
