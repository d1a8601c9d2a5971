// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <nanobind/stl/string.h>

#include "binding.h"

namespace vineyard::python {
namespace {

constexpr std::string_view kScheme = "vineyard://";

ObjectId id_of_int(nb::handle value) {
  const unsigned long long bits = PyLong_AsUnsignedLongLong(value.ptr());
  if (bits == static_cast<unsigned long long>(-1) && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    throw nb::type_error("an object id is an int from 0 to 2**64 - 1");
  }
  return ObjectId(bits);
}

/// `o` and 16 hexadecimal digits; the letter may be missing.
ObjectId id_of_text(std::string_view text) {
  std::optional<ObjectId> id = ObjectId::parse(text);
  if (!id) id = ObjectId::parse("o" + std::string(text));
  if (!id)
    throw nb::value_error(
        ("'" + std::string(text) + "' is not an object id (o and 16 hexadecimal digits)").c_str());
  return *id;
}

std::string_view text_of(nb::handle value) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  if (text == nullptr) throw nb::python_error();
  return {text, static_cast<std::size_t>(size)};
}

Py_hash_t hash_of(ObjectId id) {
  // The hash of the int, so that dictionaries keyed by either behave alike.
  const auto value = static_cast<Py_hash_t>(id.value % ((std::uint64_t{1} << 61) - 1));
  return value;
}

ObjectId id_of_uri(std::string_view uri) {
  if (!uri.starts_with(kScheme))
    throw nb::value_error("the URI of an object is vineyard://o and 16 hexadecimal digits");
  return id_of_text(uri.substr(kScheme.size()));
}

}  // namespace

ObjectId to_id(nb::handle value) {
  if (ObjectId* id = nullptr; nb::try_cast(value, id) && id != nullptr) return *id;
  if (PyLong_Check(value.ptr()) && !PyBool_Check(value.ptr())) return id_of_int(value);
  if (PyUnicode_Check(value.ptr())) return id_of_text(text_of(value));
  if (ObjectHandle* object = nullptr; nb::try_cast(value, object) && object != nullptr)
    return id_of(*object);
  if (nb::hasattr(value, "_vineyard_id"))
    return nb::cast<ObjectId>(in_python([&] { return value.attr("_vineyard_id")(); }));
  throw nb::type_error(
      (std::string(
           "an object id is wanted (ObjectID, Object, Blob, ObjectMeta, int or 'o...'), not ") +
       nb::cast<std::string>(nb::type_name(value.type())))
          .c_str());
}

void bind_ids(nb::module_& module) {
  nb::class_<ObjectId>(module, "ObjectID",
                       "Names one object for ever. `repr(id)` can be stored, and `ObjectID(text)` "
                       "makes the id of it.")
      .def(nb::init<>())
      .def(
          "__init__", [](ObjectId* self, nb::handle id) { new (self) ObjectId(to_id(id)); },
          nb::arg("id"))
      .def("__repr__", [](const ObjectId& self) { return self.to_string(); })
      .def("__str__",
           [](const ObjectId& self) { return "ObjectID <\"" + self.to_string() + "\">"; })
      .def("__int__", [](const ObjectId& self) { return self.value; })
      .def("__hash__", &hash_of)
      .def(
          "__eq__",
          [](const ObjectId& self, nb::handle other) {
            ObjectId* id = nullptr;
            return nb::try_cast(other, id) && id != nullptr && *id == self;
          },
          nb::arg().none())
      .def(
          "__ne__",
          [](const ObjectId& self, nb::handle other) {
            ObjectId* id = nullptr;
            return !(nb::try_cast(other, id) && id != nullptr && *id == self);
          },
          nb::arg().none())
      .def("__lt__",
           [](const ObjectId& self, const ObjectId& other) { return self.value < other.value; })
      .def("__reduce__",
           [](nb::handle self) {
             return nb::make_tuple(self.type(), nb::make_tuple(nb::cast<ObjectId&>(self).value));
           })
      .def_prop_ro("uri",
                   [](const ObjectId& self) { return std::string(kScheme) + self.to_string(); })
      .def_static(
          "from_uri", [](const std::string& uri) { return id_of_uri(uri); }, nb::arg("uri"))
      .def_prop_ro("is_blob", [](const ObjectId& self) { return self.is_blob(); })
      .def_static(
          "_is_text",
          [](nb::handle text) {
            return PyUnicode_Check(text.ptr()) != 0 && ObjectId::parse(text_of(text)).has_value();
          },
          "Whether a text is an id; any other text is a name.");
}

}  // namespace vineyard::python
