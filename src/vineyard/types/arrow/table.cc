// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/arrow/table.h"

#include <cerrno>
#include <cstring>

#include "vineyard/base/try.h"
#include "vineyard/types/arrow/abi.h"
#include "vineyard/types/arrow/export_array.h"

namespace vineyard {

struct Table::Data {
  arrow::TableForm form = arrow::TableForm::kTable;
  arrow::Field schema;
  std::int64_t rows = 0;
  std::vector<arrow::ArrayData> batches;
  SharedPins pins;
};

struct Array::Data {
  arrow::Field field;
  arrow::ArrayData array;
  SharedPins pins;
};

namespace {

constexpr const char* kTable = "vineyard::Table";
constexpr const char* kRecordBatch = "vineyard::RecordBatch";

std::string partition_key(std::size_t index) {
  return "partitions_-" + std::to_string(index);
}
std::string column_key(std::size_t index) {
  return "__columns_-" + std::to_string(index);
}

// ---- describing

void describe_batch(ObjectDraft& draft, meta::NodeRef node, const arrow::Field& schema,
                    const arrow::ArrayData& batch) {
  meta::DocumentBuilder& document = draft.document();
  const std::uint64_t before = draft.payload_size();
  document.set(node, "__columns_-size", batch.children.size());
  document.set(node, "column_num_", batch.children.size());
  document.set(node, "row_num_", batch.length);
  for (std::size_t i = 0; i < batch.children.size(); ++i) {
    const arrow::Field& field = schema.children[i];
    const arrow::ArrayData& column = batch.children[i];
    const meta::NodeRef child =
        document.add_node(node, column_key(i), arrow::type_name_of(field, column.layout));
    // The struct's offset counts for its children.
    arrow::describe_array(draft, child, field, column, batch.offset, batch.length);
  }
  document.set_nbytes(node, draft.payload_size() - before);
}

void describe_table(ObjectDraft& draft, meta::NodeRef node, const arrow::Field& schema,
                    std::span<const arrow::ArrayData> batches, arrow::TableForm form) {
  arrow::describe_schema(draft, node, schema);
  if (form == arrow::TableForm::kRecordBatch)
    return describe_batch(draft, node, schema, batches[0]);
  meta::DocumentBuilder& document = draft.document();
  std::int64_t rows = 0;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const meta::NodeRef part = document.add_node(node, partition_key(i), kRecordBatch);
    describe_batch(draft, part, schema, batches[i]);
    rows += batches[i].length;
  }
  document.set(node, "batch_num_", batches.size());
  document.set(node, "num_columns_", schema.children.size());
  document.set(node, "num_rows_", rows);
  document.set(node, "partitions_-size", batches.size());
}

void describe_root_array(ObjectDraft& draft, meta::NodeRef node, const arrow::Field& field,
                         const arrow::ArrayData& array) {
  arrow::describe_schema(draft, node, field);
  arrow::describe_array(draft, node, field, array, 0, array.length);
}

// ---- resolving

Result<arrow::ArrayData> resolve_batch(const ObjectSource& source, const arrow::Field& schema) {
  arrow::ArrayData batch;
  VY_TRY(batch.layout, arrow::parse_format("+s"));
  VY_TRY(batch.length, source.integer("row_num_"));
  if (batch.length < 0) return source.corrupt("a negative number of rows");
  batch.buffers.emplace_back();  // no row is null as a whole
  for (std::size_t i = 0; i < schema.children.size(); ++i) {
    VY_TRY(const ObjectSource column, source.member(column_key(i)));
    VY_TRY(arrow::ArrayData data, arrow::resolve_array(column, schema.children[i]));
    if (data.length != batch.length) return source.corrupt("columns of different lengths");
    batch.children.push_back(std::move(data));
  }
  return batch;
}

// The type of an array that has no schema of its own: by its type name, as existing clients wrote
// it. `budget` bounds how many nodes are looked at, whatever refers to what.
Result<arrow::Field> field_of(const ObjectSource& source, int& budget) {
  if (--budget < 0) return source.corrupt("too many nested arrays");
  arrow::Field field{.name = "",
                     .format = arrow::format_of_type_name(source.type_name()),
                     .flags = ARROW_FLAG_NULLABLE,
                     .metadata = {},
                     .children = {},
                     .dictionary = {}};
  if (source.type_name() == "vineyard::FixedSizeBinaryArray") {
    VY_TRY(const std::int64_t width, source.integer("byte_width_"));
    field.format = "w:" + std::to_string(width);
  } else if (source.type_name() == "vineyard::FixedSizeListArray") {
    VY_TRY(const std::int64_t size, source.integer("list_size_"));
    field.format = "+w:" + std::to_string(size);
  }
  if (field.format.empty())
    return Error(ErrorCode::kUnsupported,
                 std::string(source.type_name()) + " does not say which Arrow type it is");
  if (field.format.starts_with("+")) {
    VY_TRY(const ObjectSource values, source.member("values_"));
    VY_TRY(arrow::Field child, field_of(values, budget));
    child.name = "item";
    field.children.push_back(std::move(child));
  }
  return field;
}

// ---- stream of an exported table

struct ExportedStream {
  Table table;
  std::size_t next = 0;
};
ExportedStream& state_of(ArrowArrayStream* stream) {
  return *static_cast<ExportedStream*>(stream->private_data);
}
int stream_schema(ArrowArrayStream* stream, ArrowSchema* out) noexcept {
  state_of(stream).table.export_schema(out);
  return 0;
}
int stream_next(ArrowArrayStream* stream, ArrowArray* out) noexcept {
  ExportedStream& state = state_of(stream);
  *out = ArrowArray{};  // released: the end of the stream
  if (state.next < state.table.batches().size()) state.table.export_batch(state.next++, out);
  return 0;
}
const char* stream_error(ArrowArrayStream*) noexcept {
  return nullptr;
}
void release_stream(ArrowArrayStream* stream) noexcept {
  delete static_cast<ExportedStream*>(stream->private_data);
  stream->release = nullptr;
}

}  // namespace

// ---- Table

const arrow::Field& Table::schema() const {
  return data_->schema;
}
std::int64_t Table::row_count() const {
  return data_->rows;
}
std::span<const arrow::ArrayData> Table::batches() const {
  return data_->batches;
}
arrow::TableForm Table::form() const {
  return data_->form;
}

std::optional<std::size_t> Table::column_index(std::string_view name) const {
  for (std::size_t i = 0; i < schema().children.size(); ++i)
    if (schema().children[i].name == name) return i;
  return std::nullopt;
}

Result<void> Table::check_content() const {
  for (const arrow::ArrayData& batch : batches()) VY_TRY(arrow::check_content(schema(), batch));
  return {};
}

void Table::export_schema(ArrowSchema* out) const {
  arrow::export_field(schema(), out);
}
void Table::export_batch(std::size_t index, ArrowArray* out) const {
  arrow::export_array(data_->batches[index], data_, out);
}
void Table::export_stream(ArrowArrayStream* out) const {
  *out = ArrowArrayStream{.get_schema = stream_schema,
                          .get_next = stream_next,
                          .get_last_error = stream_error,
                          .release = release_stream,
                          .private_data = new ExportedStream{*this}};  // until `release_stream`
}

// ---- Array

const arrow::Field& Array::field() const {
  return data_->field;
}
const arrow::ArrayData& Array::data() const {
  return data_->array;
}
Result<void> Array::check_content() const {
  return arrow::check_content(field(), data());
}
void Array::export_array(ArrowSchema* schema, ArrowArray* array) const {
  arrow::export_field(field(), schema);
  arrow::export_array(data(), data_, array);
}

// ---- codecs

std::string Codec<IncomingTable>::type_name(const IncomingTable& table) {
  return table.form() == arrow::TableForm::kTable ? kTable : kRecordBatch;
}
void Codec<IncomingTable>::describe(ObjectDraft& draft, meta::NodeRef node,
                                    const IncomingTable& table) {
  describe_table(draft, node, table.schema(), table.batches(), table.form());
}

std::string Codec<Table>::type_name(const Table& table) {
  return table.form() == arrow::TableForm::kTable ? kTable : kRecordBatch;
}
void Codec<Table>::describe(ObjectDraft& draft, meta::NodeRef node, const Table& table) {
  describe_table(draft, node, table.schema(), table.batches(), table.form());
}

Result<Table> Codec<Table>::resolve(const ObjectSource& source) {
  const bool is_batch = source.type_name() == kRecordBatch;
  if (!is_batch && source.type_name() != kTable)
    return Error(ErrorCode::kInvalid, std::string(source.type_name()) + " is no table");
  auto data = std::make_shared<Table::Data>();
  data->form = is_batch ? arrow::TableForm::kRecordBatch : arrow::TableForm::kTable;
  VY_TRY(data->schema, arrow::resolve_schema(source));
  if (data->schema.format != "+s" || data->schema.is_dictionary())
    return source.corrupt("a schema that is no struct");
  std::int64_t count = 1;
  if (!is_batch) {
    VY_TRY(count, source.integer("batch_num_"));
  }
  if (count < 0 || count > source.node().size())
    return source.corrupt("record batches that it does not have");
  for (std::int64_t i = 0; i < count; ++i) {
    Result<ObjectSource> part = source;
    if (!is_batch) part = source.member(partition_key(static_cast<std::size_t>(i)));
    if (!part) return std::move(part).error();
    VY_TRY(arrow::ArrayData batch, resolve_batch(*part, data->schema));
    if (__builtin_add_overflow(data->rows, batch.length, &data->rows))
      return source.corrupt("more rows than can be counted");
    data->batches.push_back(std::move(batch));
  }
  data->pins = source.pins();
  return Table(std::move(data));
}

std::string Codec<IncomingArray>::type_name(const IncomingArray& array) {
  return arrow::type_name_of(array.field(), array.data().layout);
}
void Codec<IncomingArray>::describe(ObjectDraft& draft, meta::NodeRef node,
                                    const IncomingArray& array) {
  describe_root_array(draft, node, array.field(), array.data());
}

std::string Codec<Array>::type_name(const Array& array) {
  return arrow::type_name_of(array.field(), array.data().layout);
}
void Codec<Array>::describe(ObjectDraft& draft, meta::NodeRef node, const Array& array) {
  describe_root_array(draft, node, array.field(), array.data());
}

Result<Array> Codec<Array>::resolve(const ObjectSource& source) {
  auto data = std::make_shared<Array::Data>();
  if (source.has("schema_")) {
    VY_TRY(data->field, arrow::resolve_schema(source));
  } else {
    int budget = 64;
    VY_TRY(data->field, field_of(source, budget));
  }
  VY_TRY(data->array, arrow::resolve_array(source, data->field));
  data->pins = source.pins();
  return Array(std::move(data));
}

// ---- elements

namespace arrow {

bool is_valid(const ArrayData& array, std::int64_t index) {
  if (array.layout.kind == LayoutKind::kNull) return false;
  if (array.validity().empty()) return true;
  const std::int64_t at = array.offset + index;
  return (std::to_integer<int>(array.validity()[static_cast<std::size_t>(at / 8)]) >> (at % 8) &
          1) != 0;
}

std::optional<std::string_view> bytes_at(const ArrayData& array, std::int64_t index) {
  if (array.layout.kind != LayoutKind::kBinary) return std::nullopt;
  const auto limit = static_cast<std::int64_t>(array.buffers[2].size());
  const auto begin = offset_at(array.buffers[1], array.layout.width, array.offset + index);
  const auto end = offset_at(array.buffers[1], array.layout.width, array.offset + index + 1);
  if (begin < 0 || end < begin || end > limit) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(array.buffers[2].data()) + begin,
                          static_cast<std::size_t>(end - begin));
}

}  // namespace arrow
}  // namespace vineyard
