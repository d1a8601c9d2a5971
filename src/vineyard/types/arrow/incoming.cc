// SPDX-License-Identifier: Apache-2.0
// Takes C structs over from their producers.
#include <deque>
#include <utility>

#include "vineyard/base/try.h"
#include "vineyard/types/arrow/abi.h"
#include "vineyard/types/arrow/table.h"

namespace vineyard {
namespace arrow {

/// C arrays that were moved in; released in the end.
///
/// Owner:   an IncomingTable or IncomingArray.
/// Threads: one at a time.
/// Always:  arrays stay where they are.
class OwnedArrays {
 public:
  OwnedArrays() = default;
  OwnedArrays(const OwnedArrays&) = delete;
  OwnedArrays& operator=(const OwnedArrays&) = delete;
  ~OwnedArrays() {
    for (ArrowArray& array : arrays_)
      if (array.release != nullptr) array.release(&array);
  }
  /// Moves as the C data interface says: the source counts as released.
  void add(ArrowArray* array) {
    arrays_.push_back(*array);
    array->release = nullptr;
  }
  [[nodiscard]] const ArrowArray& operator[](std::size_t index) const { return arrays_[index]; }

 private:
  std::deque<ArrowArray> arrays_;
};

}  // namespace arrow

namespace {

// Releases a C struct at the end of a scope.
template <class T>
class Released {
 public:
  explicit Released(T* value) : value_(value) {}
  Released(const Released&) = delete;
  Released& operator=(const Released&) = delete;
  ~Released() {
    if (value_->release != nullptr) value_->release(value_);
  }

 private:
  T* value_;
};

Error producer_error(ArrowArrayStream* stream, const char* what) {
  const char* text = stream->get_last_error == nullptr ? nullptr : stream->get_last_error(stream);
  return Error(ErrorCode::kInvalid, std::string("an Arrow stream gave no ") + what + ": " +
                                        (text == nullptr ? "its producer does not say why" : text));
}

}  // namespace

Result<void> IncomingTable::add(std::size_t owned) {
  VY_TRY(arrow::ArrayData batch, arrow::view_array(schema_, (*arrays_)[owned]));
  if (batch.null_count < 0)
    batch.null_count = arrow::count_zero_bits(batch.validity(), batch.offset, batch.length);
  if (batch.null_count != 0)
    return Error(ErrorCode::kInvalid, "a record batch whose rows are null as a whole");
  batches_.push_back(std::move(batch));
  return {};
}

Result<IncomingTable> IncomingTable::from_stream(ArrowArrayStream* stream) {
  if (stream->release == nullptr)
    return Error(ErrorCode::kInvalid, "an Arrow stream that was released");
  const Released<ArrowArrayStream> released(stream);
  IncomingTable table;
  ArrowSchema schema{};
  if (stream->get_schema(stream, &schema) != 0) return producer_error(stream, "schema");
  const Released<ArrowSchema> released_schema(&schema);
  VY_TRY(table.schema_, arrow::import_field(schema));
  if (table.schema_.format != "+s")
    return Error(ErrorCode::kInvalid, "an Arrow stream of arrays, not of record batches");
  table.arrays_ = std::make_shared<arrow::OwnedArrays>();
  for (std::size_t i = 0;; ++i) {
    ArrowArray batch{};
    if (stream->get_next(stream, &batch) != 0) return producer_error(stream, "next record batch");
    if (batch.release == nullptr) return table;
    table.arrays_->add(&batch);
    VY_TRY(table.add(i));
  }
}

Result<IncomingTable> IncomingTable::from_batch(ArrowSchema* schema, ArrowArray* batch) {
  IncomingTable table;
  table.form_ = arrow::TableForm::kRecordBatch;
  table.arrays_ = std::make_shared<arrow::OwnedArrays>();
  table.arrays_->add(batch);
  const Released<ArrowSchema> released_schema(schema);
  VY_TRY(table.schema_, arrow::import_field(*schema));
  if (table.schema_.format != "+s")
    return Error(ErrorCode::kInvalid, "an Arrow array that is no record batch");
  VY_TRY(table.add(0));
  return table;
}

Result<IncomingArray> IncomingArray::from_array(ArrowSchema* schema, ArrowArray* array) {
  IncomingArray incoming;
  incoming.arrays_ = std::make_shared<arrow::OwnedArrays>();
  incoming.arrays_->add(array);
  const Released<ArrowSchema> released_schema(schema);
  VY_TRY(incoming.field_, arrow::import_field(*schema));
  VY_TRY(incoming.data_, arrow::view_array(incoming.field_, (*incoming.arrays_)[0]));
  return incoming;
}

}  // namespace vineyard
