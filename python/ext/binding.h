// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "gil.h"
#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/client.h"
#include "vineyard/meta/document.h"
#include "vineyard/meta/document_builder.h"

// What the files of the extension module share. Everything is called with the GIL held unless it says otherwise.
namespace vineyard::python {

namespace nb = nanobind;

/// From this size on a copy lets other Python threads run meanwhile; below, giving up the GIL costs more than the copy.
inline constexpr std::size_t kReleaseGilAt = 64U << 10;

// ---- errors (bind_error.cc)

/// Throws the Python exception of the error's code (vineyard/errors.py).
[[noreturn]] void throw_error(const Error& error);

/// The value, or the Python exception of the error.
template <class T>
T take(Result<T>&& result) {
  if (!result) throw_error(result.error());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// ---- ids (bind_id.cc)

/// The id behind an ObjectID, Object, Blob, ObjectMeta, int or `o...` text.
/// Raises TypeError for anything else, ValueError for a text that is no id.
[[nodiscard]] ObjectId to_id(nb::handle value);

// ---- buffers (bind_buffer.cc)

/// A contiguous buffer that Python lends us.
///
/// Owner:   whoever holds it; movable; given back when it goes, with the GIL held.
/// Threads: the bytes may be read without the GIL.
/// Always:  the exporter keeps the bytes where they are meanwhile.
class BorrowedBuffer {
 public:
  /// Raises what the exporter raises (TypeError, BufferError) if `value` has no contiguous bytes.
  explicit BorrowedBuffer(nb::handle value);
  BorrowedBuffer(BorrowedBuffer&& other) noexcept : view_(std::exchange(other.view_, nullptr)) {}
  BorrowedBuffer& operator=(BorrowedBuffer&& other) noexcept {
    std::swap(view_, other.view_);
    return *this;
  }
  BorrowedBuffer(const BorrowedBuffer&) = delete;
  BorrowedBuffer& operator=(const BorrowedBuffer&) = delete;
  ~BorrowedBuffer();
  [[nodiscard]] std::span<const std::byte> bytes() const;

 private:
  Py_buffer* view_ = nullptr;  // on the heap: an exporter may remember its address
};

/// The Python class `Blob`: read-only bytes that stay as they are while it lives.
///
/// Owner:   its Python object. What it exports keeps that object alive, so the pin is the exporter's.
/// Threads: immutable; any.
/// Always:  the bytes belong to `pinned`, or to `parent` when this is a slice or private memory.
struct Blob {
  Buffer pinned;
  nb::object parent;
  std::span<const std::byte> bytes;
  ObjectId id = ObjectId::
      invalid();  // invalid: a part of a blob or private memory, which has no id of its own
  ObjectId source =
      ObjectId::invalid();  // the blob that the bytes are part of; invalid: private memory
  std::uint64_t source_offset = 0;
};

[[nodiscard]] nb::object make_blob(View&& view);
[[nodiscard]] nb::object make_blob(Buffer&& range, std::uint64_t offset);
/// Bytes that `owner` keeps: no pin.
[[nodiscard]] nb::object make_blob(std::span<const std::byte> bytes, nb::object owner);

// ---- objects (bind_object.cc)

/// An object that is being read, shared by the Python objects of all its inline members.
struct HeldObject {
  Object object;
  Client client;
};

/// The Python class `Object`: a node of an object's document; the root stands for the object itself.
///
/// Owner:   its Python object.
/// Threads: immutable but for `id`, which is found on demand with the GIL held.
/// Always:  `node` lies in the document of `held`.
struct ObjectHandle {
  // shared: by the handles of all nodes, whichever goes last
  std::shared_ptr<const HeldObject> held;
  meta::NodeView node;
  ObjectId id = ObjectId::invalid();  // of an inline member: invalid until somebody asks
};

[[nodiscard]] nb::object make_object(const Client& client, Object&& object);
/// The Object, or Blob, behind an id.
[[nodiscard]] nb::object get_object(const Client& client, ObjectId id);
/// The id of an object; an inline member gets one of its own now, as an object that shares the payload.
[[nodiscard]] ObjectId id_of(ObjectHandle& handle);

// ---- clients (bind_client.cc)

/// The Python class `Client` (its base): a handle on this process's connection; empty once closed.
struct ClientHandle {
  std::optional<Client> client;
  /// Raises ConnectionErrorException when closed.
  [[nodiscard]] const Client& get() const;
};

// ---- values (values.cc)

/// A field's value as Python has it: None, bool, int, float, str, bytes, or a list.
[[nodiscard]] nb::object to_python(const meta::Value& value);
/// Writes a Python value as a field. Raises TypeError for what a field cannot hold.
void set_field(meta::DocumentBuilder& builder, meta::NodeRef node, std::string_view key,
               nb::handle value);
/// Writes None, bool, int, float or str (no subclass of them) as `vineyard::Scalar<...>` into `node`. False, and nothing
/// written, for anything else and for a text that is too large.
[[nodiscard]] bool write_scalar(meta::DocumentBuilder& builder, meta::NodeRef node,
                                nb::handle value);
/// The value of a `vineyard::Scalar<...>`, or nothing if this node is not such a scalar or not of a simple kind.
[[nodiscard]] nb::object read_scalar(const meta::NodeView& node);

// ---- what each file adds to the module

void bind_ids(nb::module_& module);
void bind_buffers(nb::module_& module);
void bind_objects(nb::module_& module);
void bind_arrow(nb::module_& module);
void bind_client(nb::module_& module);
void bind_writer(nb::module_& module);
void bind_plain(nb::module_& module);
void bind_strings(nb::module_& module);

}  // namespace vineyard::python
