// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include "binding.h"

namespace vineyard::python {
namespace {

// What `_kind` says about a key.
constexpr int kNoItem = 0;
constexpr int kField = 1;
constexpr int kNode = 2;
constexpr int kObject = 3;
constexpr int kBuffer = 4;

nb::object str_of(std::string_view text) {
  return nb::steal(PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

int kind_of(const ObjectHandle& self, std::string_view key) {
  const std::optional<meta::Item> item = self.node.find(key);
  if (!item) return kNoItem;
  if (item->is_field()) return kField;
  switch (item->member().type()) {
    case meta::MemberType::kNode: return kNode;
    case meta::MemberType::kObject: return kObject;
    case meta::MemberType::kBuffer: return kBuffer;
  }
  return kNoItem;
}

nb::object field_of(const ObjectHandle& self, std::string_view key, nb::object fallback) {
  const std::optional<meta::Value> value = self.node.field(key);
  return value ? to_python(*value) : fallback;
}

/// The values of several fields; None for those that are not there.
nb::object fields_of(const ObjectHandle& self, const nb::args& keys) {
  nb::object values = nb::steal(PyTuple_New(static_cast<Py_ssize_t>(keys.size())));
  if (!values.is_valid()) throw nb::python_error();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    nb::object value = field_of(self, nb::cast<std::string_view>(keys[i]), nb::none());
    PyTuple_SetItem(values.ptr(), static_cast<Py_ssize_t>(i), value.release().ptr());
  }
  return values;
}

nb::object keys_of(const ObjectHandle& self) {
  nb::object keys = nb::steal(PyList_New(static_cast<Py_ssize_t>(self.node.size())));
  if (!keys.is_valid()) throw nb::python_error();
  for (std::uint32_t i = 0; i < self.node.size(); ++i)
    PyList_SetItem(keys.ptr(), static_cast<Py_ssize_t>(i),
                   str_of(self.node[i].key()).release().ptr());
  return keys;
}

nb::object buffer_of(const ObjectHandle& self, const meta::Buffer& range) {
  if (range.length == 0) return make_blob(std::span<const std::byte>{}, nb::none());
  return make_blob(take(patiently([&] { return self.held->object.buffer(range); })), range.offset);
}

/// A member as an Object or Blob; None if there is none. Raises RuntimeError if `key` is a field.
nb::object member_of(const ObjectHandle& self, std::string_view key) {
  const std::optional<meta::Item> item = self.node.find(key);
  if (!item) return nb::none();
  if (item->is_field())
    throw std::runtime_error("'" + std::string(key) +
                             "' is a plain value, not a member; read it as meta['" +
                             std::string(key) + "']");
  const meta::Member member = item->member();
  switch (member.type()) {
    case meta::MemberType::kNode:
      return nb::cast(ObjectHandle{self.held, *member.as_node()}, nb::rv_policy::move);
    case meta::MemberType::kObject: return get_object(self.held->client, *member.as_object());
    case meta::MemberType::kBuffer: return buffer_of(self, *member.as_buffer());
  }
  return nb::none();
}

/// The same, but there must be one.
nb::object required_member(const ObjectHandle& self, std::string_view key) {
  nb::object member = member_of(self, key);
  if (member.is_none())
    throw std::runtime_error("an object of type '" + std::string(self.node.type_name()) +
                             "' has no member '" + std::string(key) +
                             "': obj.meta.keys() lists what it has");
  return member;
}

/// The bytes under `key` as a Blob with a pin of its own; None if there is no such buffer.
nb::object get_buffer(const ObjectHandle& self, std::string_view key) {
  const std::optional<meta::Member> member = self.node.member(key);
  if (!member || member->type() == meta::MemberType::kNode) return nb::none();
  if (member->type() == meta::MemberType::kBuffer) return buffer_of(self, *member->as_buffer());
  const ObjectId id = *member->as_object();
  return id.is_blob() ? get_object(self.held->client, id) : nb::none();
}

/// The id of a member, where it has one without being asked: an object, or a buffer that is a whole payload blob.
nb::object member_id(const ObjectHandle& self, std::string_view key) {
  const std::optional<meta::Member> member = self.node.member(key);
  if (member && member->type() == meta::MemberType::kObject) return nb::cast(*member->as_object());
  return nb::none();
}

/// (id of the payload blob, offset, length) of the buffer under `key`.
nb::object buffer_range(const ObjectHandle& self, std::string_view key) {
  const std::optional<meta::Member> member = self.node.member(key);
  if (!member || member->type() != meta::MemberType::kBuffer) return nb::none();
  const meta::Buffer range = *member->as_buffer();
  return nb::make_tuple(nb::cast(self.held->object.document().reference(range.reference)),
                        range.offset, range.length);
}

nb::object payload_ids(const ObjectHandle& self) {
  nb::list ids;
  const meta::DocumentView document = self.held->object.document();
  for (std::uint32_t i = 0; i < document.payload_count(); ++i)
    ids.append(nb::cast(document.reference(i)));
  return ids;
}

nb::object reference_ids(const ObjectHandle& self) {
  nb::list ids;
  for (const std::uint64_t id : self.held->object.document().references())
    ids.append(nb::cast(ObjectId(id)));
  return ids;
}

/// Whether consumers of arrays and tables ask for a method of that name.
bool is_protocol(std::string_view name) {
  return name.starts_with("__arrow_c_") || name.starts_with("__dlpack") || name == "__array__" ||
         name == "__array_interface__";
}

/// The buffer of the array that a tensor is; the view keeps that array, and the array its pin.
int export_tensor(PyObject* self, Py_buffer* view, int flags) {
  view->obj = nullptr;
  try {
    const nb::object array = in_python([&] {
      return nb::module_::import_("vineyard.data.protocols").attr("buffer_of")(nb::handle(self));
    });
    return PyObject_GetBuffer(array.ptr(), view, flags);
  } catch (nb::python_error& e) {
    e.restore();
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_BufferError, e.what());
  }
  return -1;
}

PyType_Slot object_slots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(&export_tensor)},
                              {0, nullptr}};

/// `obj.member`: a member of that name, or of the name with an underscore; `first` and `second` of a sequence.
nb::object attribute_of(nb::handle self, std::string_view name) {
  const ObjectHandle& object = nb::cast<ObjectHandle&>(self);
  if (is_protocol(name)) {
    const nb::object offered = in_python([&] {
      return nb::module_::import_("vineyard.data.protocols").attr("attribute_of")(self, name);
    });
    if (!offered.is_none()) return offered;
  }
  if (!name.starts_with("__")) {
    if (object.node.member(name)) return member_of(object, name);
    const std::string stored = std::string(name) + "_";
    if (object.node.member(stored)) return member_of(object, stored);
    const std::string_view element = name == "first"    ? "__elements_-0"
                                     : name == "second" ? "__elements_-1"
                                                        : "";
    if (!element.empty() && object.node.member(element)) return member_of(object, element);
  }
  throw nb::attribute_error(("an object of type '" + std::string(object.node.type_name()) +
                             "' has no member '" + std::string(name) +
                             "': obj.meta.keys() lists what it has")
                                .c_str());
}

std::string describe(const ObjectHandle& self) {
  const std::string id = self.id.is_valid() ? self.id.to_string() : "inline";
  return "Object <\"" + id + "\": " + std::string(self.node.type_name()) + ">";
}

bool same_object(ObjectHandle& self, nb::handle other) {
  ObjectHandle* object = nullptr;
  if (!nb::try_cast(other, object) || object == nullptr) return false;
  if (self.held == object->held) return self.node.index() == object->node.index();
  return self.id.is_valid() && self.id == object->id;
}

std::uint64_t instance_of(const ObjectHandle& self) {
  return self.held->client.connection().instance;
}

}  // namespace

nb::object get_object(const Client& client, ObjectId id) {
  if (id.is_blob()) return make_blob(take(patiently([&] { return client.get_view(id); })));
  return make_object(client, take(patiently([&] { return client.get(id); })));
}

nb::object make_object(const Client& client, Object&& object) {
  if (object.is_blob()) return get_object(client, object.id().with_blob_bit());
  const ObjectId id = object.id();
  auto held = std::make_shared<HeldObject>(HeldObject{std::move(object), client});
  const meta::NodeView root = held->object.root();
  return nb::cast(ObjectHandle{std::move(held), root, id}, nb::rv_policy::move);
}

ObjectId id_of(ObjectHandle& handle) {
  if (handle.id.is_valid()) return handle.id;
  // An object of its own with a copy of the node, over the payload of the whole: no byte of it moves.
  const meta::DocumentView document = handle.held->object.document();
  meta::DocumentBuilder builder(handle.node.type_name());
  for (std::uint32_t i = 0; i < document.payload_count(); ++i)
    builder.add_payload(document.reference(i));
  meta::copy_items(handle.node, builder, builder.root(), 0);
  builder.set_nbytes(builder.root(), handle.node.nbytes());
  handle.id = take(patiently([&] { return handle.held->client.publish(builder); }));
  return handle.id;
}

void bind_objects(nb::module_& module) {
  nb::class_<ObjectHandle>(module, "Object", nb::type_slots(object_slots),
                           "An object that is being read: its metadata, members and buffers.")
      .def_prop_ro("id", &id_of)
      .def("_vineyard_id", &id_of)
      .def_prop_ro("_own_id",
                   [](const ObjectHandle& self) -> nb::object {
                     return self.id.is_valid() ? nb::cast(self.id) : nb::none();
                   })
      .def_prop_ro(
          "_whole_id", [](const ObjectHandle& self) { return self.held->object.id(); },
          "The id of the object that this is, or is a part of.")
      .def_prop_ro("typename", [](const ObjectHandle& self) { return self.node.type_name(); })
      .def_prop_ro("nbytes", [](const ObjectHandle& self) { return self.node.nbytes(); })
      .def_prop_ro("isglobal", [](const ObjectHandle& self) { return self.node.is_global(); })
      .def_prop_ro("islocal", [](const ObjectHandle& self) { return !self.node.is_global(); })
      .def("member", &required_member, nb::arg("key"),
           "The member of that key as Object or Blob. RuntimeError if there is none.")
      .def("__getitem__", &required_member, nb::arg("key"))
      .def("_find_member", &member_of)
      .def("_keys", &keys_of)
      .def("_kind", &kind_of)
      .def("_field", &field_of, nb::arg("key"), nb::arg("default") = nb::none())
      .def("_fields", &fields_of)
      .def("_buffer", &get_buffer)
      .def("_member_id", &member_id)
      .def("_buffer_range", &buffer_range)
      .def("_payload_ids", &payload_ids)
      .def("_reference_ids", &reference_ids)
      .def("_scalar",
           [](const ObjectHandle& self) -> nb::object {
             nb::object value = read_scalar(self.node);
             return value.is_valid() ? value : nb::borrow(nb::handle(Py_NotImplemented));
           })
      .def_prop_ro("_instance", &instance_of)
      .def_prop_ro("_client_handle",
                   [](const ObjectHandle& self) { return ClientHandle{self.held->client}; })
      .def("__getattr__", &attribute_of)
      .def("__eq__", &same_object, nb::arg().none())
      .def("__hash__",
           [](ObjectHandle& self) {
             return static_cast<Py_hash_t>(self.node.index() + (self.id.value >> 3));
           })
      .def("__repr__", &describe);
}

}  // namespace vineyard::python
