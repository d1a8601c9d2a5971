// SPDX-License-Identifier: Apache-2.0
#include "arrow_capsule.h"

namespace vineyard::python {
namespace {

template <class Struct>
constexpr const char* kName = nullptr;
template <>
constexpr const char* kName<ArrowSchema> = "arrow_schema";
template <>
constexpr const char* kName<ArrowArray> = "arrow_array";
template <>
constexpr const char* kName<ArrowArrayStream> = "arrow_array_stream";

template <class Struct>
Struct* struct_in(nb::handle capsule) {
  void* found = PyCapsule_GetPointer(capsule.ptr(), kName<Struct>);
  if (found == nullptr) throw nb::python_error();
  return static_cast<Struct*>(found);
}

template <class Struct>
void destroy(PyObject* capsule) {
  auto* owned = static_cast<Struct*>(PyCapsule_GetPointer(capsule, kName<Struct>));
  if (owned == nullptr) return PyErr_Clear();
  if (owned->release != nullptr) owned->release(owned);
  delete owned;
}

template <class Struct>
nb::object wrap(std::unique_ptr<Struct> filled) {
  PyObject* capsule = PyCapsule_New(filled.get(), kName<Struct>, &destroy<Struct>);
  if (capsule == nullptr) {
    if (filled->release != nullptr) filled->release(filled.get());
    throw nb::python_error();
  }
  static_cast<void>(filled.release());  // the capsule's from now on
  return nb::steal(capsule);
}

}  // namespace

ArrowSchema* schema_in(nb::handle capsule) {
  return struct_in<ArrowSchema>(capsule);
}
ArrowArray* array_in(nb::handle capsule) {
  return struct_in<ArrowArray>(capsule);
}
ArrowArrayStream* stream_in(nb::handle capsule) {
  return struct_in<ArrowArrayStream>(capsule);
}

nb::object capsule_of(std::unique_ptr<ArrowSchema> schema) {
  return wrap(std::move(schema));
}
nb::object capsule_of(std::unique_ptr<ArrowArray> array) {
  return wrap(std::move(array));
}
nb::object capsule_of(std::unique_ptr<ArrowArrayStream> stream) {
  return wrap(std::move(stream));
}

}  // namespace vineyard::python
