// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <vector>

#include "binding.h"

namespace vineyard::python {
namespace {

using meta::NodeRef;

constexpr std::string_view kScalar = "vineyard::Scalar<";
constexpr std::string_view kValue = "value_";
constexpr std::string_view kType = "type_";
// Larger texts go into the payload (vineyard/data/python.py), so that documents stay small.
constexpr std::size_t kMaxScalarText = 1U << 20;

nb::object int_of(long long value) {
  return nb::steal(PyLong_FromLongLong(value));
}
nb::object uint_of(unsigned long long value) {
  return nb::steal(PyLong_FromUnsignedLongLong(value));
}
nb::object float_of(double value) {
  return nb::steal(PyFloat_FromDouble(value));
}
nb::object text_of(std::string_view text) {
  return nb::steal(PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

/// The UTF-8 of a str; nothing if it has lone surrogates, which UTF-8 cannot say.
std::optional<std::string_view> utf8_of(nb::handle value) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  if (text == nullptr) {
    PyErr_Clear();
    return std::nullopt;
  }
  return std::string_view(text, static_cast<std::size_t>(size));
}

template <class List, class Convert>
nb::object list_of(const List& list, Convert convert) {
  nb::object result = nb::steal(PyList_New(static_cast<Py_ssize_t>(list.size())));
  if (!result.is_valid()) throw nb::python_error();
  for (std::uint32_t i = 0; i < list.size(); ++i)
    PyList_SetItem(result.ptr(), static_cast<Py_ssize_t>(i), convert(list[i]).release().ptr());
  return result;
}

/// An int as a field: int64, else uint64. False if neither can hold it.
bool set_int(meta::DocumentBuilder& builder, NodeRef node, std::string_view key, nb::handle value) {
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
  if (overflow == 0) {
    builder.set(node, key, static_cast<std::int64_t>(number));
    return true;
  }
  if (overflow < 0) return false;
  const unsigned long long large = PyLong_AsUnsignedLongLong(value.ptr());
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    return false;
  }
  builder.set(node, key, static_cast<std::uint64_t>(large));
  return true;
}

/// The elements of a list, if all of them are of one type and a field can hold them.
class FieldList {
 public:
  explicit FieldList(nb::handle sequence) : fast_(nb::steal(PySequence_List(sequence.ptr()))) {
    if (!fast_.is_valid()) throw nb::python_error();
    size_ = static_cast<std::size_t>(PyList_Size(fast_.ptr()));
  }
  [[nodiscard]] bool write(meta::DocumentBuilder& builder, NodeRef node,
                           std::string_view key) const {
    if (all([](PyObject* item) { return PyLong_CheckExact(item); }))
      return write_ints(builder, node, key);
    if (all([](PyObject* item) { return PyFloat_CheckExact(item); })) {
      std::vector<double> numbers(size_);
      for (std::size_t i = 0; i < size_; ++i) numbers[i] = PyFloat_AsDouble(item(i));
      builder.set(node, key, std::span<const double>(numbers));
      return true;
    }
    if (all([](PyObject* item) { return PyUnicode_CheckExact(item); }))
      return write_texts(builder, node, key);
    if (all([](PyObject* item) { return PyBool_Check(item); })) {
      std::vector<std::uint8_t> bits(size_);
      for (std::size_t i = 0; i < size_; ++i) bits[i] = item(i) == Py_True ? 1 : 0;
      builder.set_bool_list(node, key, bits);
      return true;
    }
    return false;
  }

 private:
  [[nodiscard]] PyObject* item(std::size_t i) const {
    return PyList_GetItem(fast_.ptr(), static_cast<Py_ssize_t>(i));
  }
  template <class Check>
  [[nodiscard]] bool all(Check check) const {
    for (std::size_t i = 0; i < size_; ++i)
      if (!check(item(i))) return false;
    return true;
  }
  [[nodiscard]] bool write_ints(meta::DocumentBuilder& builder, NodeRef node,
                                std::string_view key) const {
    std::vector<std::int64_t> numbers(size_);
    for (std::size_t i = 0; i < size_; ++i) {
      int overflow = 0;
      numbers[i] = PyLong_AsLongLongAndOverflow(item(i), &overflow);
      if (overflow != 0) return false;
    }
    builder.set(node, key, std::span<const std::int64_t>(numbers));
    return true;
  }
  [[nodiscard]] bool write_texts(meta::DocumentBuilder& builder, NodeRef node,
                                 std::string_view key) const {
    std::vector<std::string_view> texts(size_);
    for (std::size_t i = 0; i < size_; ++i) {
      const std::optional<std::string_view> text = utf8_of(item(i));
      if (!text) return false;
      texts[i] = *text;
    }
    builder.set(node, key, std::span<const std::string_view>(texts));
    return true;
  }

  nb::object fast_;  // a list of our own: nobody changes it meanwhile
  std::size_t size_ = 0;
};

bool set_simple(meta::DocumentBuilder& builder, NodeRef node, std::string_view key,
                nb::handle value) {
  PyObject* object = value.ptr();
  if (object == Py_None) return builder.set_null(node, key), true;
  if (PyBool_Check(object)) return builder.set(node, key, object == Py_True), true;
  if (PyLong_Check(object)) return set_int(builder, node, key, value);
  if (PyFloat_Check(object)) return builder.set(node, key, PyFloat_AsDouble(object)), true;
  if (PyUnicode_Check(object)) {
    const std::optional<std::string_view> text = utf8_of(value);
    if (text) builder.set(node, key, *text);
    return text.has_value();
  }
  if (PyBytes_Check(object)) {
    const BorrowedBuffer buffer(value);
    builder.set_bytes(node, key, buffer.bytes());
    return true;
  }
  if (PyList_Check(object) || PyTuple_Check(object))
    return FieldList(value).write(builder, node, key);
  return false;
}

}  // namespace

nb::object to_python(const meta::Value& value) {
  using meta::ValueType;
  switch (value.type()) {
    case ValueType::kNull: return nb::none();
    case ValueType::kBool: return nb::bool_(*value.as_bool());
    case ValueType::kInt64: return int_of(*value.as_int64());
    case ValueType::kUint64: return uint_of(*value.as_uint64());
    case ValueType::kDouble: return float_of(*value.as_double());
    case ValueType::kText: return text_of(*value.as_text());
    case ValueType::kBytes: {
      const std::span<const std::byte> bytes = *value.as_bytes();
      return nb::steal(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(bytes.data()),
                                                 static_cast<Py_ssize_t>(bytes.size())));
    }
    case ValueType::kInt64List:
      return list_of(*value.as_int64_list(), [](std::int64_t v) { return int_of(v); });
    case ValueType::kUint64List:
      return list_of(*value.as_uint64_list(), [](std::uint64_t v) { return uint_of(v); });
    case ValueType::kDoubleList:
      return list_of(*value.as_double_list(), [](double v) { return float_of(v); });
    case ValueType::kBoolList:
      return list_of(*value.as_bool_list(),
                     [](std::uint8_t v) -> nb::object { return nb::bool_(v != 0); });
    case ValueType::kTextList:
      return list_of(*value.as_text_list(), [](std::string_view v) { return text_of(v); });
  }
  return nb::none();
}

void set_field(meta::DocumentBuilder& builder, NodeRef node, std::string_view key,
               nb::handle value) {
  if (set_simple(builder, node, key, value)) return;
  throw nb::type_error(
      ("field '" + std::string(key) + "' cannot hold this value of type " +
       nb::cast<std::string>(nb::type_name(value.type())) +
       " (None, bool, int of 64 bits, float, str, bytes, or a list of one of them)")
          .c_str());
}

bool write_scalar(meta::DocumentBuilder& builder, NodeRef node, nb::handle value) {
  PyObject* object = value.ptr();
  if (PyLong_CheckExact(object)) {
    if (!set_int(builder, node, kValue, value)) return false;
    builder.set(node, kType, "int");
    builder.set_type_name(node, "vineyard::Scalar<int>");
    return true;
  }
  if (PyFloat_CheckExact(object)) {
    builder.set(node, kValue, PyFloat_AsDouble(object));
    builder.set(node, kType, "float");
    builder.set_type_name(node, "vineyard::Scalar<double>");
    return true;
  }
  if (PyUnicode_CheckExact(object)) {
    const std::optional<std::string_view> text = utf8_of(value);
    if (!text || text->size() > kMaxScalarText) return false;
    builder.set(node, kValue, *text);
    builder.set(node, kType, "str");
    builder.set_type_name(node, "vineyard::Scalar<std::string>");
    return true;
  }
  if (PyBool_Check(object)) {
    builder.set(node, kValue, object == Py_True);
    builder.set(node, kType, "bool");
    builder.set_type_name(node, "vineyard::Scalar<int>");
    return true;
  }
  if (object == Py_None) {
    builder.set_null(node, kValue);
    builder.set(node, kType, "NoneType");
    builder.set_type_name(node, "vineyard::Scalar<void>");
    return true;
  }
  return false;
}

nb::object read_scalar(const meta::NodeView& node) {
  if (!node.type_name().starts_with(kScalar)) return {};
  const std::optional<meta::Value> value = node.field(kValue);
  if (!value) return {};
  switch (value->type()) {
    case meta::ValueType::kBool:
    case meta::ValueType::kInt64:
    case meta::ValueType::kUint64:
    case meta::ValueType::kDouble:
    case meta::ValueType::kNull: return to_python(*value);
    case meta::ValueType::kText: break;
    default: return {};
  }
  // A text that is not of type str says more than itself (a large int, for one): vineyard/data/python.py.
  const std::optional<meta::Value> type = node.field(kType);
  const std::optional<std::string_view> name = type ? type->as_text() : std::nullopt;
  if (name && *name != "str" && *name != "string" && *name != "std::string") return {};
  return to_python(*value);
}

}  // namespace vineyard::python
