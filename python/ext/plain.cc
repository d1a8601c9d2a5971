// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>

#include <nanobind/stl/string.h>

#include "binding.h"

// Plain values in bytes: None, bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, and
// what vineyard/data/plain.py adds by name (datetime, Decimal, ...). Exact types only, so what comes back is what went
// in, and reading runs no code of the writer's choice.
//
// A value is one tag byte and what follows: numbers of things and lengths as base-128, lowest first; ints zig-zag in the
// same way, larger ones as signed little-endian bytes; floats as 8 bytes; texts and bytes as a length and the bytes.
namespace vineyard::python {
namespace {

constexpr int kMaxDepth = 200;

enum class Tag : std::uint8_t {
  kNone,
  kFalse,
  kTrue,
  kEllipsis,
  kInt,
  kBigInt,
  kFloat,
  kComplex,
  kText,
  kSurrogateText,
  kBytes,
  kByteArray,
  kList,
  kTuple,
  kDict,
  kSet,
  kFrozenSet,
  kExtension,
  kIntList,
  kFloatList,
};

/// Not a plain value: the caller finds another way.
struct NotPlain {};

class Packer {
 public:
  explicit Packer(nb::handle extension) : extension_(extension) {}
  void pack(nb::handle value, int depth = 0);
  [[nodiscard]] const std::string& bytes() const { return out_; }

 private:
  void put(Tag tag) { out_.push_back(static_cast<char>(tag)); }
  void put_raw(const void* data, std::size_t size) {
    out_.append(static_cast<const char*>(data), size);
  }
  void put_number(std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) out_.push_back(static_cast<char>(number | 0x80));
    out_.push_back(static_cast<char>(number));
  }
  void put_sized(Tag tag, const void* data, std::size_t size) {
    put(tag);
    put_number(size);
    put_raw(data, size);
  }
  void put_buffer(Tag tag, nb::handle value) {
    const BorrowedBuffer buffer(value);
    put_sized(tag, buffer.bytes().data(), buffer.bytes().size());
  }
  void put_int(nb::handle value);
  void put_text(nb::handle value);
  void put_float(double value) { put_raw(&value, sizeof value); }
  bool put_number_list(PyObject* list, std::size_t size);
  void put_list(PyObject* list, int depth);
  void put_tuple(PyObject* tuple, int depth);
  void put_dict(PyObject* dict, int depth);
  void put_set(Tag tag, nb::handle set, int depth);
  void put_extension(nb::handle value, int depth);

  nb::handle extension_;
  std::string out_;
};

void Packer::put_int(nb::handle value) {
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
  if (overflow == 0) {
    put(Tag::kInt);
    return put_number((static_cast<std::uint64_t>(number) << 1) ^
                      static_cast<std::uint64_t>(number >> 63));
  }
  const auto bits = nb::cast<std::size_t>(value.attr("bit_length")());
  put_buffer(Tag::kBigInt,
             value.attr("to_bytes")(bits / 8 + 1, "little", nb::arg("signed") = true));
}

void Packer::put_text(nb::handle value) {
  Py_ssize_t size = 0;
  if (const char* text = PyUnicode_AsUTF8AndSize(value.ptr(), &size); text != nullptr)
    return put_sized(Tag::kText, text, static_cast<std::size_t>(size));
  PyErr_Clear();
  put_buffer(Tag::kSurrogateText, value.attr("encode")("utf-8", "surrogatepass"));
}

/// Long lists of one kind of number, as raw numbers.
bool Packer::put_number_list(PyObject* list, std::size_t size) {
  if (size < 8) return false;
  const bool ints = PyLong_CheckExact(PyList_GetItem(list, 0));
  if (!ints && !PyFloat_CheckExact(PyList_GetItem(list, 0))) return false;
  const std::size_t before = out_.size();
  put(ints ? Tag::kIntList : Tag::kFloatList);
  put_number(size);
  for (std::size_t i = 0; i < size; ++i) {
    PyObject* item = PyList_GetItem(list, static_cast<Py_ssize_t>(i));
    int overflow = 0;
    if (ints && PyLong_CheckExact(item)) {
      const std::int64_t number = PyLong_AsLongLongAndOverflow(item, &overflow);
      put_raw(&number, sizeof number);
    } else if (!ints && PyFloat_CheckExact(item)) {
      put_float(PyFloat_AsDouble(item));
    } else {
      overflow = 1;
    }
    if (overflow != 0) {
      out_.resize(before);
      return false;
    }
  }
  return true;
}

void Packer::put_list(PyObject* list, int depth) {
  const Py_ssize_t size = PyList_Size(list);
  if (put_number_list(list, static_cast<std::size_t>(size))) return;
  put(Tag::kList);
  put_number(static_cast<std::uint64_t>(size));
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* item = PyList_GetItem(list, i);  // an extension's code may have shortened the list
    if (item == nullptr) throw nb::python_error();
    pack(nb::borrow(item), depth + 1);
  }
}

void Packer::put_tuple(PyObject* tuple, int depth) {
  const Py_ssize_t size = PyTuple_Size(tuple);
  put(Tag::kTuple);
  put_number(static_cast<std::uint64_t>(size));
  for (Py_ssize_t i = 0; i < size; ++i) pack(PyTuple_GetItem(tuple, i), depth + 1);
}

void Packer::put_dict(PyObject* dict, int depth) {
  const Py_ssize_t size = PyDict_Size(dict);
  put(Tag::kDict);
  put_number(static_cast<std::uint64_t>(size));
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t count = 0;
  for (Py_ssize_t at = 0; PyDict_Next(dict, &at, &key, &value) != 0; ++count) {
    const nb::object held_key = nb::borrow(key);
    const nb::object held_value = nb::borrow(value);
    pack(held_key, depth + 1);
    pack(held_value, depth + 1);
    if (PyDict_Size(dict) != size)
      throw std::runtime_error("a dict changed its size while it was put");
  }
  if (count != size) throw std::runtime_error("a dict changed its size while it was put");
}

void Packer::put_set(Tag tag, nb::handle set, int depth) {
  const nb::object items = nb::steal(PySequence_List(set.ptr()));
  if (!items.is_valid()) throw nb::python_error();
  put(tag);
  put_number(static_cast<std::uint64_t>(PyList_Size(items.ptr())));
  for (nb::handle item : items) pack(item, depth + 1);
}

void Packer::put_extension(nb::handle value, int depth) {
  const nb::object named = extension_(value);
  if (named.is_none()) throw NotPlain{};
  put(Tag::kExtension);
  pack(named, depth + 1);
}

void Packer::pack(nb::handle value, int depth) {
  if (depth > kMaxDepth) throw NotPlain{};
  PyObject* object = value.ptr();
  if (object == Py_None) return put(Tag::kNone);
  if (object == Py_False) return put(Tag::kFalse);
  if (object == Py_True) return put(Tag::kTrue);
  if (object == Py_Ellipsis) return put(Tag::kEllipsis);
  if (PyLong_CheckExact(object)) return put_int(value);
  if (PyUnicode_CheckExact(object)) return put_text(value);
  if (PyFloat_CheckExact(object)) return put(Tag::kFloat), put_float(PyFloat_AsDouble(object));
  if (PyBytes_CheckExact(object)) return put_buffer(Tag::kBytes, value);
  if (PyList_CheckExact(object)) return put_list(object, depth);
  if (PyTuple_CheckExact(object)) return put_tuple(object, depth);
  if (PyDict_CheckExact(object)) return put_dict(object, depth);
  if (Py_IS_TYPE(object, &PySet_Type)) return put_set(Tag::kSet, value, depth);
  if (PyFrozenSet_CheckExact(object)) return put_set(Tag::kFrozenSet, value, depth);
  if (PyByteArray_CheckExact(object)) return put_buffer(Tag::kByteArray, value);
  if (Py_IS_TYPE(object, &PyComplex_Type)) {
    put(Tag::kComplex);
    put_float(PyComplex_RealAsDouble(object));
    return put_float(PyComplex_ImagAsDouble(object));
  }
  put_extension(value, depth);
}

/// Reads bytes that another process may have made up: everything is checked.
class Unpacker {
 public:
  Unpacker(std::span<const std::byte> bytes, nb::handle extension)
      : rest_(bytes), extension_(extension) {}
  nb::object unpack(int depth = 0);
  [[nodiscard]] bool is_done() const { return rest_.empty(); }
  [[noreturn]] static void fail() {
    throw_error(Error(ErrorCode::kCorrupt, "the bytes of a plain value are not what they must be"));
  }

 private:
  std::span<const std::byte> take_bytes(std::size_t size) {
    if (size > rest_.size()) fail();
    const std::span<const std::byte> taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  std::uint64_t take_number() {
    std::uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto group = static_cast<std::uint64_t>(take_bytes(1)[0]);
      number |= (group & 0x7f) << shift;
      if (group < 0x80) return number;
    }
    fail();
  }
  /// A number of things, each of which takes at least `least` bytes.
  std::size_t take_count(std::size_t least) {
    const std::uint64_t count = take_number();
    if (count > rest_.size() / least) fail();
    return count;
  }
  std::span<const std::byte> take_sized() { return take_bytes(take_number()); }
  template <class T>
  T take_raw() {
    T value;
    std::memcpy(&value, take_bytes(sizeof value).data(), sizeof value);
    return value;
  }
  static nb::object checked(PyObject* object) {
    if (object == nullptr) throw nb::python_error();
    return nb::steal(object);
  }
  static nb::object bytes_object(std::span<const std::byte> bytes) {
    return checked(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(bytes.data()),
                                             static_cast<Py_ssize_t>(bytes.size())));
  }
  static nb::object text_object(std::span<const std::byte> bytes, const char* errors) {
    return checked(PyUnicode_DecodeUTF8(reinterpret_cast<const char*>(bytes.data()),
                                        static_cast<Py_ssize_t>(bytes.size()), errors));
  }
  nb::object unpack_int() {
    const std::uint64_t number = take_number();
    return checked(
        PyLong_FromLongLong(static_cast<long long>((number >> 1) ^ (~(number & 1) + 1))));
  }
  nb::object unpack_big_int() {
    return nb::handle(reinterpret_cast<PyObject*>(&PyLong_Type))
        .attr("from_bytes")(bytes_object(take_sized()), "little", nb::arg("signed") = true);
  }
  nb::object unpack_list(int depth) {
    const std::size_t size = take_count(1);
    nb::list list;
    for (std::size_t i = 0; i < size; ++i) list.append(unpack(depth + 1));
    return list;
  }
  nb::object unpack_dict(int depth) {
    const std::size_t size = take_count(2);
    nb::dict dict;
    for (std::size_t i = 0; i < size; ++i) {
      const nb::object key = unpack(depth + 1);
      const nb::object value = unpack(depth + 1);
      if (PyDict_SetItem(dict.ptr(), key.ptr(), value.ptr()) != 0) throw nb::python_error();
    }
    return dict;
  }
  template <class Number>
  nb::object unpack_numbers() {
    const std::size_t size = take_count(sizeof(Number));
    nb::object list = checked(PyList_New(static_cast<Py_ssize_t>(size)));
    for (std::size_t i = 0; i < size; ++i) {
      const auto number = take_raw<Number>();
      PyObject* item = nullptr;
      if constexpr (std::is_same_v<Number, double>)
        item = PyFloat_FromDouble(number);
      else
        item = PyLong_FromLongLong(number);
      PyList_SetItem(list.ptr(), static_cast<Py_ssize_t>(i), checked(item).release().ptr());
    }
    return list;
  }

  std::span<const std::byte> rest_;
  nb::handle extension_;
};

nb::object Unpacker::unpack(int depth) {
  if (depth > kMaxDepth + 1) fail();
  switch (static_cast<Tag>(take_bytes(1)[0])) {
    case Tag::kNone: return nb::none();
    case Tag::kFalse: return nb::bool_(false);
    case Tag::kTrue: return nb::bool_(true);
    case Tag::kEllipsis: return nb::borrow(nb::handle(Py_Ellipsis));
    case Tag::kInt: return unpack_int();
    case Tag::kBigInt: return unpack_big_int();
    case Tag::kFloat: return checked(PyFloat_FromDouble(take_raw<double>()));
    case Tag::kComplex: {
      const auto real = take_raw<double>();
      return checked(PyComplex_FromDoubles(real, take_raw<double>()));
    }
    case Tag::kText: return text_object(take_sized(), nullptr);
    case Tag::kSurrogateText: return text_object(take_sized(), "surrogatepass");
    case Tag::kBytes: return bytes_object(take_sized());
    case Tag::kByteArray: {
      const std::span<const std::byte> bytes = take_sized();
      return checked(PyByteArray_FromStringAndSize(reinterpret_cast<const char*>(bytes.data()),
                                                   static_cast<Py_ssize_t>(bytes.size())));
    }
    case Tag::kList: return unpack_list(depth);
    case Tag::kTuple: return checked(PyList_AsTuple(unpack_list(depth).ptr()));
    case Tag::kDict: return unpack_dict(depth);
    case Tag::kSet: return checked(PySet_New(unpack_list(depth).ptr()));
    case Tag::kFrozenSet: return checked(PyFrozenSet_New(unpack_list(depth).ptr()));
    case Tag::kExtension: return extension_(unpack(depth + 1));
    case Tag::kIntList: return unpack_numbers<std::int64_t>();
    case Tag::kFloatList: return unpack_numbers<double>();
  }
  fail();
}

nb::object pack_plain(nb::handle value, nb::handle extension) {
  Packer packer(extension);
  try {
    packer.pack(value);
  } catch (const NotPlain&) {
    return nb::none();
  }
  return nb::steal(PyBytes_FromStringAndSize(packer.bytes().data(),
                                             static_cast<Py_ssize_t>(packer.bytes().size())));
}

nb::object unpack_plain(nb::handle bytes, nb::handle extension) {
  const BorrowedBuffer buffer(bytes);
  Unpacker unpacker(buffer.bytes(), extension);
  nb::object value = unpacker.unpack();
  if (!unpacker.is_done()) Unpacker::fail();
  return value;
}

}  // namespace

void bind_plain(nb::module_& module) {
  module.def("_pack_plain", &pack_plain, nb::arg("value").none(), nb::arg("extension"),
             "The bytes of a plain value; None if it is not one.");
  module.def("_unpack_plain", &unpack_plain, nb::arg("bytes"), nb::arg("extension"));
}

}  // namespace vineyard::python
