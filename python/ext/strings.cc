// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>
#include <vector>

#include "binding.h"

// Sequences of str and None as the buffers of an Arrow large string array, for NumPy object arrays, pandas columns and
// long lists, with no need of pyarrow.
namespace vineyard::python {
namespace {

nb::object bytes_of(const void* data, std::size_t size) {
  return nb::steal(
      PyBytes_FromStringAndSize(static_cast<const char*>(data), static_cast<Py_ssize_t>(size)));
}

/// (offsets, data, validity bitmap or None) of a list of str and None; None if there is anything else in it, or a text
/// that UTF-8 cannot say.
nb::object pack_strings(nb::handle sequence) {
  const nb::object items = nb::steal(PySequence_List(sequence.ptr()));
  if (!items.is_valid()) throw nb::python_error();
  const auto count = static_cast<std::size_t>(PyList_Size(items.ptr()));
  std::vector<std::int64_t> offsets(count + 1);
  std::string data;
  std::vector<std::uint8_t> validity((count + 7) / 8);
  bool has_null = false;
  for (std::size_t i = 0; i < count; ++i) {
    PyObject* item = PyList_GetItem(items.ptr(), static_cast<Py_ssize_t>(i));
    if (item == Py_None) {
      has_null = true;
    } else {
      if (!PyUnicode_CheckExact(item)) return nb::none();
      Py_ssize_t size = 0;
      const char* text = PyUnicode_AsUTF8AndSize(item, &size);
      if (text == nullptr) {
        PyErr_Clear();
        return nb::none();
      }
      data.append(text, static_cast<std::size_t>(size));
      validity[i / 8] = static_cast<std::uint8_t>(validity[i / 8] | (1U << (i % 8)));
    }
    offsets[i + 1] = static_cast<std::int64_t>(data.size());
  }
  nb::object bitmap = has_null ? bytes_of(validity.data(), validity.size()) : nb::none();
  return nb::make_tuple(bytes_of(offsets.data(), offsets.size() * sizeof(std::int64_t)),
                        bytes_of(data.data(), data.size()), bitmap);
}

[[noreturn]] void fail() {
  throw_error(
      Error(ErrorCode::kCorrupt, "the buffers of a string array are not what they must be"));
}

/// The list that `pack_strings` took apart. The buffers are another process's: all of them are checked.
nb::object unpack_strings(std::size_t count, nb::handle offsets_buffer, nb::handle data_buffer,
                          nb::handle bitmap) {
  const BorrowedBuffer offsets(offsets_buffer);
  const BorrowedBuffer data(data_buffer);
  std::optional<BorrowedBuffer> validity;
  if (!bitmap.is_none()) validity.emplace(bitmap);
  if (offsets.bytes().size() / sizeof(std::int64_t) < count + 1 && count > 0) fail();
  if (validity && validity->bytes().size() < (count + 7) / 8) fail();
  const auto offset_at = [&](std::size_t i) {
    std::int64_t offset = 0;
    std::memcpy(&offset, offsets.bytes().data() + i * sizeof offset, sizeof offset);
    return offset;
  };
  nb::object list = nb::steal(PyList_New(static_cast<Py_ssize_t>(count)));
  if (!list.is_valid()) throw nb::python_error();
  const auto* texts = reinterpret_cast<const char*>(data.bytes().data());
  const auto size = static_cast<std::int64_t>(data.bytes().size());
  std::int64_t begin = count > 0 ? offset_at(0) : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t end = offset_at(i + 1);
    if (begin < 0 || end < begin || end > size) fail();
    const bool is_valid =
        !validity || (static_cast<unsigned>(validity->bytes()[i / 8]) >> (i % 8) & 1U) != 0;
    PyObject* item = is_valid ? PyUnicode_DecodeUTF8(texts + begin,
                                                     static_cast<Py_ssize_t>(end - begin), nullptr)
                              : nb::none().release().ptr();
    if (item == nullptr) throw nb::python_error();
    PyList_SetItem(list.ptr(), static_cast<Py_ssize_t>(i), item);
    begin = end;
  }
  return list;
}

}  // namespace

void bind_strings(nb::module_& module) {
  module.def("_pack_strings", &pack_strings,
             "The Arrow buffers of a sequence of str and None, or None.");
  module.def("_unpack_strings", &unpack_strings, nb::arg("count"), nb::arg("offsets"),
             nb::arg("data"), nb::arg("bitmap").none());
}

}  // namespace vineyard::python
