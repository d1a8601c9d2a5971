// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/meta/type_name.h"
#include "vineyard/types/arrow/array_data.h"
#include "vineyard/types/arrow/field.h"
#include "vineyard/types/codec.h"

struct ArrowArray;
struct ArrowArrayStream;
struct ArrowSchema;

// Arrow arrays, record batches and tables, through the Arrow C data and stream interfaces.
namespace vineyard {

namespace arrow {
class OwnedArrays;

/// How `vineyard::Table` and `vineyard::RecordBatch` differ: a record batch is one.
enum class TableForm : std::uint8_t { kTable, kRecordBatch };
}  // namespace arrow

/// C arrays of this process that are going to be put: taken over from their producer, released when
/// this goes.
///
/// Owner:   whoever puts; movable.
/// Threads: one at a time.
/// Always:  as many buffers and children as the type says.
class IncomingTable {
 public:
  /// Reads a stream to its end and releases it, also on failure.
  /// Errors: invalid (what the producer says, or arrays that are not of their type), unsupported
  /// (an unknown format).
  [[nodiscard]] static Result<IncomingTable> from_stream(ArrowArrayStream* stream);
  /// Takes over one record batch: a struct without nulls. Both are released, also on failure.
  [[nodiscard]] static Result<IncomingTable> from_batch(ArrowSchema* schema, ArrowArray* batch);

  [[nodiscard]] const arrow::Field& schema() const { return schema_; }
  [[nodiscard]] std::span<const arrow::ArrayData> batches() const { return batches_; }
  [[nodiscard]] arrow::TableForm form() const { return form_; }

 private:
  IncomingTable() = default;
  Result<void> add(std::size_t owned);
  arrow::TableForm form_ = arrow::TableForm::kTable;
  arrow::Field schema_;
  std::shared_ptr<arrow::OwnedArrays> arrays_;  // not shared; erases the type of the C structs
  std::vector<arrow::ArrayData> batches_;
};

/// The same for one array.
///
/// Owner:   whoever puts; movable.
/// Threads: one at a time.
/// Always:  as many buffers and children as the type says.
class IncomingArray {
 public:
  /// Both are released, also on failure. Errors: as IncomingTable.
  [[nodiscard]] static Result<IncomingArray> from_array(ArrowSchema* schema, ArrowArray* array);
  [[nodiscard]] const arrow::Field& field() const { return field_; }
  [[nodiscard]] const arrow::ArrayData& data() const { return data_; }

 private:
  IncomingArray() = default;
  arrow::Field field_;
  std::shared_ptr<arrow::OwnedArrays> arrays_;  // not shared; erases the type of the C structs
  arrow::ArrayData data_;
};

/// A table or record batch in the pool.
///
/// Owner:   whoever holds it; copies and everything exported share its pins. It outlives Object and
///          Client.
/// Threads: any number; immutable. Released on any thread.
/// Always:  sizes, counts and the ends of offsets were checked; what stands in the buffers only by
///          `check_content`.
class Table {
 public:
  /// A struct; its children are the columns.
  [[nodiscard]] const arrow::Field& schema() const;
  [[nodiscard]] std::int64_t row_count() const;
  [[nodiscard]] std::size_t column_count() const { return schema().children.size(); }
  /// The first column of that name.
  [[nodiscard]] std::optional<std::size_t> column_index(std::string_view name) const;
  /// The chunks of rows: structs whose children are the columns.
  [[nodiscard]] std::span<const arrow::ArrayData> batches() const;
  [[nodiscard]] arrow::TableForm form() const;

  /// Looks at everything that stands in the buffers (arrow::check_content). For data of writers
  /// that are not trusted. Errors: corrupt.
  [[nodiscard]] Result<void> check_content() const;

  /// Fill `out`, which the receiver releases, on any thread; no bytes are copied.
  void export_schema(ArrowSchema* out) const;
  void export_batch(std::size_t index, ArrowArray* out) const;
  void export_stream(ArrowArrayStream* out) const;

 private:
  friend struct Codec<Table>;
  struct Data;
  using SharedData = std::shared_ptr<const Data>;  // shared by copies and all that was exported
  explicit Table(SharedData data) : data_(std::move(data)) {}
  SharedData data_;
};

/// An Arrow array in the pool.
///
/// Owner:   whoever holds it; copies and everything exported share its pins.
/// Threads: any number; immutable. Released on any thread.
/// Always:  as Table.
class Array {
 public:
  [[nodiscard]] const arrow::Field& field() const;
  [[nodiscard]] const arrow::ArrayData& data() const;
  [[nodiscard]] std::int64_t length() const { return data().length; }
  /// Errors: corrupt.
  [[nodiscard]] Result<void> check_content() const;
  /// Fill the structs, which the receiver releases, on any thread; no bytes are copied.
  void export_array(ArrowSchema* schema, ArrowArray* array) const;

 private:
  friend struct Codec<Array>;
  struct Data;
  using SharedData = std::shared_ptr<const Data>;  // shared by copies and all that was exported
  explicit Array(SharedData data) : data_(std::move(data)) {}
  SharedData data_;
};

template <>
struct Codec<IncomingTable> {
  static std::string type_name(const IncomingTable& table);
  static void describe(ObjectDraft& draft, meta::NodeRef node, const IncomingTable& table);
};
template <>
struct Codec<Table> {
  static std::string type_name(const Table& table);
  static void describe(ObjectDraft& draft, meta::NodeRef node, const Table& table);
  static Result<Table> resolve(const ObjectSource& source);
};
template <>
struct Codec<IncomingArray> {
  static std::string type_name(const IncomingArray& array);
  static void describe(ObjectDraft& draft, meta::NodeRef node, const IncomingArray& array);
};
template <>
struct Codec<Array> {
  static std::string type_name(const Array& array);
  static void describe(ObjectDraft& draft, meta::NodeRef node, const Array& array);
  static Result<Array> resolve(const ObjectSource& source);
};

namespace arrow {

/// The numbers of a column, if it holds plain numbers of that very type (a date is none). Elements
/// that are null have some value.
template <class T>
[[nodiscard]] std::optional<std::span<const T>> numbers(const Field& field,
                                                        const ArrayData& array) {
  const auto type = meta::parse_element_type(primitive_name(field.format));
  if (field.is_dictionary() || type != meta::kElementType<T> ||
      array.layout.kind != LayoutKind::kFixedWidth)
    return std::nullopt;
  const auto* first = reinterpret_cast<const T*>(array.buffers[1].data()) + array.offset;
  return std::span<const T>(first, static_cast<std::size_t>(array.length));
}

/// Whether element `index` is there (not null).
[[nodiscard]] bool is_valid(const ArrayData& array, std::int64_t index);
/// The bytes of element `index` of a binary or text array; nothing for other layouts. The offsets
/// are checked again.
[[nodiscard]] std::optional<std::string_view> bytes_at(const ArrayData& array, std::int64_t index);

}  // namespace arrow
}  // namespace vineyard
