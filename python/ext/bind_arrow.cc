// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <nanobind/stl/string.h>

#include "arrow_capsule.h"
#include "binding.h"
#include "vineyard/types/arrow/table.h"

// Arrow data of objects, offered through the Arrow PyCapsule interface: pyarrow, polars, DuckDB, pandas and nanoarrow take
// it from there without a copy. What they get keeps its own pins.
namespace vineyard::python {
namespace {

ObjectSource source_of(const ObjectHandle& handle) {
  return take(ObjectSource::of(handle.held->object, handle.node));
}

nb::object array_capsules(const Array& array) {
  auto schema = std::make_unique<ArrowSchema>();
  auto data = std::make_unique<ArrowArray>();
  array.export_array(schema.get(), data.get());
  nb::object first = capsule_of(std::move(schema));
  return nb::make_tuple(first, capsule_of(std::move(data)));
}

nb::object array_schema(const Array& array) {
  auto schema = std::make_unique<ArrowSchema>();
  arrow::export_field(array.field(), schema.get());
  return capsule_of(std::move(schema));
}

nb::object table_schema(const Table& table) {
  auto schema = std::make_unique<ArrowSchema>();
  table.export_schema(schema.get());
  return capsule_of(std::move(schema));
}

nb::object table_stream(const Table& table) {
  auto stream = std::make_unique<ArrowArrayStream>();
  table.export_stream(stream.get());
  return capsule_of(std::move(stream));
}

nb::object batch_capsules(const Table& table) {
  if (table.batches().size() != 1)
    throw nb::value_error("a table of several batches is no record batch; read it as a stream");
  auto data = std::make_unique<ArrowArray>();
  table.export_batch(0, data.get());
  nb::object array = capsule_of(std::move(data));
  return nb::make_tuple(table_schema(table), array);
}

/// The chunks of a stream, each as (length, the pair of capsules that `__arrow_c_array__` gives); None if it is a stream of record
/// batches, which `_Writer.set_table` takes as it is.
nb::object stream_chunks(nb::handle capsule) {
  ArrowArrayStream* stream = stream_in(capsule);
  if (stream->release == nullptr) throw nb::value_error("this Arrow stream was read before");
  const auto checked = [stream](int status) {
    if (status == 0) return;
    const char* why = stream->get_last_error(stream);
    throw std::runtime_error(std::string("the Arrow stream failed: ") +
                             (why == nullptr ? "it does not say why" : why));
  };
  nb::list chunks;
  for (;;) {
    auto schema = std::make_unique<ArrowSchema>();
    checked(without_gil([&] { return stream->get_schema(stream, schema.get()); }));
    const bool is_table = std::string_view(schema->format) == "+s";
    nb::object first = capsule_of(std::move(schema));
    if (is_table) return nb::none();
    auto array = std::make_unique<ArrowArray>();
    checked(without_gil([&] { return stream->get_next(stream, array.get()); }));
    if (array->release == nullptr) return chunks;
    const std::int64_t length = array->length;
    chunks.append(nb::make_tuple(length, nb::make_tuple(first, capsule_of(std::move(array)))));
  }
}

}  // namespace

void bind_arrow(nb::module_& module) {
  nb::class_<Array>(module, "ArrowArray",
                    "An Arrow array in shared memory, for `pyarrow.array` and the like.")
      .def("__len__", &Array::length)
      .def("__repr__",
           [](const Array& self) {
             return "<vineyard.ArrowArray, " + std::to_string(self.length()) + " elements>";
           })
      .def("__arrow_c_schema__", &array_schema)
      .def(
          "__arrow_c_array__", [](const Array& self, nb::handle) { return array_capsules(self); },
          nb::arg("requested_schema") = nb::none())
      .def(
          "check_content", [](const Array& self) { take(self.check_content()); },
          "Looks at everything that stands in the buffers, for data of a writer that is not "
          "trusted.");
  nb::class_<Table>(module, "ArrowTable",
                    "A table or record batch in shared memory, for `pyarrow.table` and the like.")
      .def("__len__", &Table::row_count)
      .def("__repr__",
           [](const Table& self) {
             return "<vineyard.ArrowTable, " + std::to_string(self.row_count()) + " rows>";
           })
      .def("__arrow_c_schema__", &table_schema)
      .def(
          "__arrow_c_stream__", [](const Table& self, nb::handle) { return table_stream(self); },
          nb::arg("requested_schema") = nb::none())
      .def("_batch_capsules", &batch_capsules)
      .def_prop_ro("is_batch",
                   [](const Table& self) { return self.form() == arrow::TableForm::kRecordBatch; })
      .def(
          "check_content", [](const Table& self) { take(self.check_content()); },
          "Looks at everything that stands in the buffers, for data of a writer that is not "
          "trusted.");
  module.def("_stream_chunks", &stream_chunks);
  module.def("_arrow_array", [](const ObjectHandle& handle) {
    return take(Codec<Array>::resolve(source_of(handle)));
  });
  module.def("_arrow_table", [](const ObjectHandle& handle) {
    return take(Codec<Table>::resolve(source_of(handle)));
  });
}

}  // namespace vineyard::python
