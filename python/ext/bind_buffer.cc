// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <string>

#include <nanobind/stl/string.h>

#include "binding.h"

namespace vineyard::python {
namespace {

constexpr const char* kReadOnly =
    "the bytes of an object are read-only; take a copy to change them";
constexpr std::byte kNothing{};  // what an empty buffer points at: consumers dislike null

/// The Python class `BlobBuilder`: a blob under construction, writable until it is sealed.
///
/// Owner:   its Python object, which every exported buffer keeps alive.
/// Threads: one at a time.
/// Always:  buffers that are still exported when it is sealed keep pointing at bytes of this builder, which keeps them: then
///          a copy is published. So nobody can write to a published blob, or to bytes of another object.
struct BlobBuilderHandle {
  std::optional<Client> client;  // nothing: of size zero
  nb::object maker;              // the Python client
  nb::object fields;             // a dict, once there is one
  Payload payload;
  ObjectId id = ObjectId::invalid();  // asked for before the bytes were there
  std::size_t size = 0;
  std::size_t exports = 0;
  bool was_exported = false;
  bool is_open = true;
};

/// What an exported buffer of a builder belongs to. Not the builder itself: NumPy gives a buffer back at once and keeps only
/// what it belonged to, so this object counts as the export for as long as anybody can write through it.
///
/// Owner:   every buffer, and whoever keeps what it belonged to.
/// Threads: as the builder.
/// Always:  the builder lives, and counts it.
class BuilderExport {
 public:
  explicit BuilderExport(nb::object builder) : builder_(std::move(builder)) {
    ++handle().exports;
    handle().was_exported = true;
  }
  BuilderExport(BuilderExport&& other) noexcept = default;
  BuilderExport(const BuilderExport&) = delete;
  BuilderExport& operator=(const BuilderExport&) = delete;
  ~BuilderExport() {
    if (builder_.is_valid()) --handle().exports;
  }

 private:
  [[nodiscard]] BlobBuilderHandle& handle() const {
    return *nb::inst_ptr<BlobBuilderHandle>(builder_);
  }
  nb::object builder_;
};

int refuse(Py_buffer* view, const char* why) {
  view->obj = nullptr;
  PyErr_SetString(PyExc_BufferError, why);
  return -1;
}

int export_blob(PyObject* self, Py_buffer* view, int flags) {
  if ((flags & PyBUF_WRITABLE) == PyBUF_WRITABLE) return refuse(view, kReadOnly);
  const Blob& blob = *nb::inst_ptr<Blob>(self);
  const std::byte* data = blob.bytes.empty() ? &kNothing : blob.bytes.data();
  return PyBuffer_FillInfo(view, self, const_cast<std::byte*>(data),
                           static_cast<Py_ssize_t>(blob.bytes.size()),
                           /*readonly=*/1, flags);
}

int export_builder(PyObject* self, Py_buffer* view, int flags) {
  BlobBuilderHandle& handle = *nb::inst_ptr<BlobBuilderHandle>(self);
  if (!handle.is_open)
    return refuse(view, "the blob is sealed or aborted: there is nothing to write any more");
  std::byte* data = handle.size > 0 ? handle.payload.data() : const_cast<std::byte*>(&kNothing);
  try {
    const nb::object owner = nb::cast(BuilderExport(nb::borrow(self)), nb::rv_policy::move);
    return PyBuffer_FillInfo(view, owner.ptr(), data, static_cast<Py_ssize_t>(handle.size),
                             /*readonly=*/0, flags);
  } catch (const std::exception& e) {
    return refuse(view, e.what());
  }
}

// Nothing to do; but NumPy asks types with this slot for a memoryview, and keeps it.
void release_builder(PyObject*, Py_buffer*) {}

PyType_Slot blob_slots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(&export_blob)}, {0, nullptr}};
PyType_Slot builder_slots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(&export_builder)},
                               {Py_bf_releasebuffer, reinterpret_cast<void*>(&release_builder)},
                               {0, nullptr}};

nb::object memoryview_of(nb::handle exporter) {
  PyObject* view = PyMemoryView_FromObject(exporter.ptr());
  if (view == nullptr) throw nb::python_error();
  return nb::steal(view);
}

nb::object bytes_of(const Blob& blob) {
  return nb::steal(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(blob.bytes.data()),
                                             static_cast<Py_ssize_t>(blob.bytes.size())));
}

nb::object item_of(nb::handle self, nb::handle key) {
  const Blob& blob = nb::cast<Blob&>(self);
  const auto size = static_cast<Py_ssize_t>(blob.bytes.size());
  if (PySlice_Check(key.ptr())) {
    Py_ssize_t start = 0, stop = 0, step = 0;
    if (PySlice_Unpack(key.ptr(), &start, &stop, &step) < 0) throw nb::python_error();
    const Py_ssize_t length = PySlice_AdjustIndices(size, &start, &stop, step);
    if (step != 1) return memoryview_of(self)[key];
    const auto offset = static_cast<std::size_t>(length > 0 ? start : 0);
    return nb::cast(Blob{{},
                         nb::borrow(self),
                         blob.bytes.subspan(offset, static_cast<std::size_t>(length)),
                         ObjectId::invalid(),
                         blob.source,
                         blob.source_offset + offset},
                    nb::rv_policy::move);
  }
  Py_ssize_t index = PyNumber_AsSsize_t(key.ptr(), PyExc_IndexError);
  if (index == -1 && PyErr_Occurred() != nullptr) throw nb::python_error();
  if (index < 0) index += size;
  if (index < 0 || index >= size) throw nb::index_error("index outside the blob");
  return nb::int_(static_cast<int>(blob.bytes[static_cast<std::size_t>(index)]));
}

nb::object equals(const Blob& self, nb::handle other) {
  if (!PyObject_CheckBuffer(other.ptr()) || nb::isinstance<ObjectHandle>(other))
    return nb::borrow(nb::handle(Py_NotImplemented));
  const BorrowedBuffer buffer(other);
  const std::span<const std::byte> bytes = buffer.bytes();
  return nb::bool_(std::ranges::equal(self.bytes, bytes));
}

nb::object text_of(const Blob& blob) {
  PyObject* text = PyUnicode_DecodeUTF8(reinterpret_cast<const char*>(blob.bytes.data()),
                                        static_cast<Py_ssize_t>(blob.bytes.size()), nullptr);
  if (text != nullptr) return nb::steal(text);
  PyErr_Clear();
  return nb::str(bytes_of(blob));
}

std::string describe(const Blob& blob) {
  const std::string name = blob.id.is_valid() ? blob.id.to_string() : "part of a blob";
  return "<vineyard.Blob " + name + ", " + to_string(ByteCount(blob.bytes.size())) + ">";
}

std::size_t length_of(const Blob& blob) {
  return blob.bytes.size();
}

ObjectId id_of_blob(const Blob& blob) {
  if (!blob.id.is_valid())
    throw nb::type_error("a part of a blob has no id of its own; put it to get one");
  return blob.id;
}

void bind_blob(nb::module_& module) {
  nb::class_<Blob>(module, "Blob", nb::type_slots(blob_slots),
                   "Read-only bytes in shared memory. They stay as they are while this object, or "
                   "anything made of it, lives.")
      .def("__len__", &length_of)
      .def("__getitem__", &item_of)
      .def("__eq__", &equals, nb::arg().none())
      .def("__hash__", [](nb::handle self) { return nb::hash(bytes_of(nb::cast<Blob&>(self))); })
      .def("__str__", &text_of)
      .def("__repr__", &describe)
      .def("__bytes__", &bytes_of)
      .def("tobytes", &bytes_of, "A copy as bytes.")
      .def("__bool__", [](const Blob& self) { return !self.bytes.empty(); })
      .def_prop_ro("id", &id_of_blob)
      .def("_vineyard_id", &id_of_blob)
      .def_prop_ro("typename", [](const Blob&) { return "vineyard::Blob"; })
      .def_prop_ro("length", &length_of)
      .def_prop_ro("size", &length_of)
      .def_prop_ro("nbytes", &length_of)
      .def_prop_ro("is_empty", [](const Blob& self) { return self.bytes.empty(); })
      .def_prop_ro(
          "address",
          [](const Blob& self) { return reinterpret_cast<std::uintptr_t>(self.bytes.data()); })
      .def_prop_ro("buffer", &memoryview_of, "A read-only memoryview.")
      .def_prop_ro(
          "_source",
          [](const Blob& self) -> nb::object {
            if (!self.source.is_valid()) return nb::none();
            return nb::make_tuple(nb::cast(self.source), self.source_offset);
          },
          "(id, offset) of the blob that these bytes are part of; None for private memory.")
      .def_prop_ro(
          "_whole_id",
          [](const Blob& self) -> nb::object {
            const ObjectId id = self.source.is_valid() ? self.source : self.id;
            return id.is_valid() ? nb::cast(id) : nb::none();
          },
          "The id of the blob that this is, or is a part of; None for private memory.")
      .def_prop_ro("_has_id", [](const Blob& self) { return self.id.is_valid(); })
      .def_static(
          "_over",
          [](nb::object owner) {
            const BorrowedBuffer buffer(owner);
            return make_blob(buffer.bytes(), memoryview_of(owner));
          },
          "A blob over private memory, for unpickling.");
}

// Raises AssertionFailedException, which existing programs expect of a builder that is used wrongly.
[[noreturn]] void refuse_use(const std::string& why) {
  const nb::object type = in_python(
      [] { return nb::module_::import_("vineyard.errors").attr("AssertionFailedException"); });
  PyErr_SetString(type.ptr(), why.c_str());
  throw nb::python_error();
}

std::span<std::byte> open_bytes(BlobBuilderHandle& handle) {
  if (!handle.is_open)
    refuse_use("the blob is sealed or aborted: there is nothing to write any more");
  return handle.payload.bytes();
}

void copy_bytes(BlobBuilderHandle& handle, std::size_t offset, std::span<const std::byte> from) {
  const std::span<std::byte> to = open_bytes(handle);
  if (offset > to.size() || from.size() > to.size() - offset) {
    refuse_use("cannot copy " + std::to_string(from.size()) + " bytes to offset " +
               std::to_string(offset) + " of a blob of " + std::to_string(to.size()));
  }
  if (from.empty()) return;
  if (from.size() < kReleaseGilAt) {
    std::memcpy(to.data() + offset, from.data(), from.size());
    return;
  }
  const GilReleased released;
  std::memcpy(to.data() + offset, from.data(), from.size());
}

/// `source` is a buffer, or an address with a size. How many threads copy is decided here, not by `concurrency`.
void copy_into(BlobBuilderHandle& handle, std::size_t offset, nb::handle source, nb::handle size,
               nb::handle) {
  if (!PyLong_Check(source.ptr()))
    return copy_bytes(handle, offset, BorrowedBuffer(source).bytes());
  if (size.is_none())
    throw nb::type_error("copy of an address needs its size: copy(offset, address, size)");
  const auto* from = reinterpret_cast<const std::byte*>(nb::cast<std::uintptr_t>(source));
  copy_bytes(handle, offset, {from, nb::cast<std::size_t>(size)});
}

/// Leaves the first `size` bytes. Buffers must be given back before.
void shrink(nb::handle self, nb::handle, std::size_t size) {
  BlobBuilderHandle& handle = *nb::inst_ptr<BlobBuilderHandle>(self);
  (void)open_bytes(handle);
  if (size > handle.size || size == 0) {
    refuse_use("cannot shrink a blob of " + std::to_string(handle.size) + " bytes to " +
               std::to_string(size));
  }
  if (handle.exports > 0) refuse_use("cannot shrink a blob while buffers of it are held");
  if (size == handle.size) return;
  Payload smaller = take(without_gil([&] { return handle.client->reserve(ByteCount(size)); }));
  std::memcpy(smaller.data(), handle.payload.data(), size);
  smaller.swap(handle.payload);
  handle.size = size;
}

/// Publishes the bytes, or a copy of them if buffers still point at them.
Result<ObjectId> publish(BlobBuilderHandle& handle, bool is_shared) {
  Payload payload;
  if (is_shared) {
    Result<Payload> copy = handle.client->reserve(ByteCount(handle.size));
    if (!copy) return std::move(copy).error();
    std::memcpy(copy->data(), handle.payload.data(), handle.size);
    payload = *std::move(copy);
  } else {
    payload.swap(handle.payload);
  }
  if (handle.id.is_valid()) return handle.client->publish_as(handle.id, std::move(payload));
  return handle.client->publish_blob(std::move(payload));
}

/// Whether somebody may still write. `numpy.ndarray(..., buffer=builder)` gives its buffer back at once and keeps the builder
/// itself: of that nothing can be seen but one reference more than the caller's variable and this call have.
bool may_be_written(nb::handle self, const BlobBuilderHandle& handle) {
  constexpr Py_ssize_t kOfTheCaller = 2;
  return handle.exports > 0 || (handle.was_exported && Py_REFCNT(self.ptr()) > kOfTheCaller);
}

nb::object seal(nb::handle self, nb::handle) {
  BlobBuilderHandle& handle = *nb::inst_ptr<BlobBuilderHandle>(self);
  (void)open_bytes(handle);
  handle.is_open = false;
  if (handle.size == 0) return make_blob(View(ObjectId::empty_blob(), {}, {}));
  const ObjectId id = take(without_gil(
      [&, is_shared = may_be_written(self, handle)] { return publish(handle, is_shared); }));
  if (handle.fields.is_valid())
    nb::module_::import_("vineyard._marks").attr("set_fields")(handle.maker, id, handle.fields);
  return get_object(*handle.client, id);
}

ObjectId id_of_builder(BlobBuilderHandle& handle) {
  (void)open_bytes(handle);
  if (handle.size == 0) return ObjectId::empty_blob();
  if (!handle.id.is_valid()) {
    handle.id = take(without_gil([&] { return handle.client->reserve_id(IdKind::kBlob); }));
  }
  return handle.id;
}

// What may still be written goes with the builder.
void abort_builder(nb::handle self, nb::handle) {
  BlobBuilderHandle& handle = *nb::inst_ptr<BlobBuilderHandle>(self);
  handle.is_open = false;
  if (!may_be_written(self, handle)) Payload().swap(handle.payload);
}

BlobBuilderHandle create_builder(nb::handle client, std::size_t size) {
  BlobBuilderHandle handle;
  handle.size = size;
  if (size == 0) return handle;
  handle.client.emplace(nb::cast<ClientHandle&>(client).get());
  handle.maker = nb::borrow(client);
  handle.payload = take(without_gil([&] { return handle.client->reserve(ByteCount(size)); }));
  return handle;
}

std::byte& byte_at(BlobBuilderHandle& handle, Py_ssize_t index) {
  const std::span<std::byte> bytes = open_bytes(handle);
  if (index < 0) index += static_cast<Py_ssize_t>(bytes.size());
  if (index < 0 || static_cast<std::size_t>(index) >= bytes.size())
    throw nb::index_error("index outside the blob");
  return bytes[static_cast<std::size_t>(index)];
}

/// Bytes have no fields: `seal` keeps them as labels of the blob.
void set_field(BlobBuilderHandle& handle, nb::str key, nb::handle value) {
  (void)open_bytes(handle);
  if (handle.size == 0)
    throw nb::type_error("the empty blob has no fields: there is one for all who have no bytes");
  if (!PyUnicode_Check(value.ptr()) && !PyLong_Check(value.ptr()) && !PyFloat_Check(value.ptr())) {
    throw nb::type_error(("a field of a blob is a text or a number, not " +
                          nb::cast<std::string>(nb::inst_name(value)))
                             .c_str());
  }
  if (!handle.fields.is_valid()) handle.fields = nb::dict();
  handle.fields[key] = value;
}

void bind_blob_builder(nb::module_& module) {
  nb::class_<BuilderExport>(module, "_BuilderExport");
  nb::class_<BlobBuilderHandle>(
      module, "BlobBuilder", nb::type_slots(builder_slots), nb::is_weak_referenceable(),
      "A blob under construction: write through `buffer` or `copy`, then `seal`.")
      .def("__len__", [](const BlobBuilderHandle& self) { return self.size; })
      .def("__repr__",
           [](const BlobBuilderHandle& self) {
             return "<vineyard.BlobBuilder, " + to_string(ByteCount(self.size)) +
                    (self.is_open ? ">" : ", sealed or aborted>");
           })
      .def("__getitem__", [](BlobBuilderHandle& self,
                             Py_ssize_t index) { return static_cast<int>(byte_at(self, index)); })
      .def("__setitem__", [](BlobBuilderHandle& self, Py_ssize_t index,
                             std::uint8_t value) { byte_at(self, index) = std::byte{value}; })
      .def("__setitem__", &set_field)
      .def_prop_ro("size", [](const BlobBuilderHandle& self) { return self.size; })
      .def_prop_ro(
          "issealed", [](const BlobBuilderHandle& self) { return !self.is_open; },
          "Whether it was sealed or aborted.")
      .def_prop_ro("id", &id_of_builder,
                   "The id the blob will have. Asking for it before `seal` costs a message.")
      .def_prop_ro("address",
                   [](BlobBuilderHandle& self) {
                     return reinterpret_cast<std::uintptr_t>(open_bytes(self).data());
                   })
      .def_prop_ro("buffer", &memoryview_of,
                   "A writable memoryview. Let go of it before `seal`, which else has to copy.")
      .def("copy", &copy_into, nb::arg("offset"), nb::arg("source"), nb::arg("size") = nb::none(),
           nb::arg("concurrency") = nb::none(),
           "Copies a buffer, or `size` bytes at an address, to `offset`.")
      .def("shrink", &shrink, nb::arg("client"), nb::arg("size"), "Leaves the first `size` bytes.")
      .def("seal", &seal, nb::arg("client") = nb::none(), "Publishes the blob, and returns it.")
      .def("abort", &abort_builder, nb::arg("client") = nb::none(), "Gives the bytes up.")
      .def_static("_create", &create_builder);
}

}  // namespace

BorrowedBuffer::BorrowedBuffer(nb::handle value) {
  auto view = std::make_unique<Py_buffer>();
  if (PyObject_GetBuffer(value.ptr(), view.get(), PyBUF_C_CONTIGUOUS) != 0)
    throw nb::python_error();
  view_ = view.release();
}

BorrowedBuffer::~BorrowedBuffer() {
  if (view_ == nullptr) return;
  PyBuffer_Release(view_);
  delete view_;
}

std::span<const std::byte> BorrowedBuffer::bytes() const {
  return {static_cast<const std::byte*>(view_->buf), static_cast<std::size_t>(view_->len)};
}

nb::object make_blob(View&& view) {
  const std::size_t size = view.size();
  const ObjectId id = view.id();
  Buffer pinned(std::move(view), 0, size);
  const std::span<const std::byte> bytes = pinned.bytes();
  return nb::cast(Blob{std::move(pinned), {}, bytes, id, id, 0}, nb::rv_policy::move);
}

nb::object make_blob(Buffer&& range, std::uint64_t offset) {
  const std::span<const std::byte> bytes = range.bytes();
  const ObjectId source = range.blob();
  return nb::cast(Blob{std::move(range), {}, bytes, ObjectId::invalid(), source, offset},
                  nb::rv_policy::move);
}

nb::object make_blob(std::span<const std::byte> bytes, nb::object owner) {
  return nb::cast(Blob{{}, std::move(owner), bytes, ObjectId::invalid(), ObjectId::invalid(), 0},
                  nb::rv_policy::move);
}

void bind_buffers(nb::module_& module) {
  bind_blob(module);
  bind_blob_builder(module);
}

}  // namespace vineyard::python
