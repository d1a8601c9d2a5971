// SPDX-License-Identifier: Apache-2.0
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include "arrow_capsule.h"
#include "binding.h"
#include "vineyard/types/arrow/table.h"
#include "vineyard/types/draft.h"

namespace vineyard::python {
namespace {

using meta::NodeRef;

constexpr std::string_view kNamedLater = "-";  // a node must have a type name from the start

/// The Python class `_Writer`: collects a document and the bytes of its payload, then publishes both at once.
///
/// Owner:   its Python object; used once.
/// Threads: one at a time.
/// Always:  what the bytes come from is held until published; no Python call is made while the client's put lock is held.
class Writer {
 public:
  explicit Writer(std::string_view type_name) : draft_(type_name) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void set(std::uint32_t node, std::string_view key, nb::handle value) {
    set_field(document(), {node}, key, value);
  }
  /// Many fields at once.
  void set_fields(std::uint32_t node, const nb::dict& fields) {
    for (const auto [key, value] : fields) set(node, nb::cast<std::string_view>(key), value);
  }
  void set_type(std::uint32_t node, std::string_view name) {
    document().set_type_name({node}, name);
  }
  void set_nbytes(std::uint32_t node, std::uint64_t nbytes) {
    document().set_nbytes({node}, nbytes);
    if (node == 0) has_nbytes_ = true;
  }
  void set_global(std::uint32_t node) { document().set_global({node}); }
  std::uint32_t add_node(std::uint32_t parent, std::string_view key, std::string_view type_name) {
    return document().add_node({parent}, key, type_name.empty() ? kNamedLater : type_name).index;
  }
  void add_member(std::uint32_t node, std::string_view key, nb::handle id) {
    document().add_member({node}, key, to_id(id));
  }
  bool set_scalar(std::uint32_t node, nb::handle value) {
    return write_scalar(document(), {node}, value);
  }

  void add_buffer(std::uint32_t node, std::string_view key, nb::handle value) {
    const BorrowedBuffer& source = sources_.emplace_back(value);
    draft_.add_bytes({node}, key, source.bytes());
  }
  /// Room that `fill` writes when the object is published; it gets a writable memoryview.
  void add_room(std::uint32_t node, std::string_view key, std::size_t size, nb::object fill) {
    draft_.add_generated({node}, key, size,
                         [this, fill = std::make_shared<nb::object>(std::move(fill))](
                             std::span<std::byte> room) { this->fill(*fill, room); });
  }
  /// Shares bytes of an existing blob instead of copying them.
  void share_range(std::uint32_t node, std::string_view key, nb::handle blob, std::uint64_t offset,
                   std::uint64_t size) {
    const ObjectId id = to_id(blob);
    std::size_t at = 0;
    while (at < shared_.size() && shared_[at].first != id) ++at;
    if (at == shared_.size()) shared_.emplace_back(id, document().add_payload(id));
    document().add_buffer({node}, key, shared_[at].second, offset, size);
  }
  /// Makes the node an Arrow array: of an object with `__arrow_c_array__`.
  void set_array(std::uint32_t node, nb::handle value) {
    const IncomingArray& array = take_array(value);
    document().set_type_name({node}, Codec<IncomingArray>::type_name(array));
    Codec<IncomingArray>::describe(draft_, {node}, array);
  }
  /// Makes the node one Arrow array of many, all of the same type of texts: objects with `__arrow_c_array__`.
  void set_joined(std::uint32_t node, nb::handle values) {
    std::vector<const arrow::ArrayData*> parts;
    const arrow::Field* field = nullptr;
    for (nb::handle value : values) {
      const IncomingArray& array = take_array(value);
      field = &array.field();
      parts.push_back(&array.data());
    }
    if (field == nullptr) throw nb::value_error("no arrays to be joined");
    arrow::describe_joined(draft_, {node}, *field, parts);
  }
  /// Makes the node a record batch: of an object with `__arrow_c_array__`.
  void set_batch(std::uint32_t node, nb::handle value) {
    const nb::object pair = in_python([&] { return value.attr("__arrow_c_array__")(); });
    describe(node, take(IncomingTable::from_batch(schema_in(pair[0]), array_in(pair[1]))));
  }
  /// Makes the node a table: of an object with `__arrow_c_stream__`.
  void set_table(std::uint32_t node, nb::handle value) {
    const nb::object capsule = in_python([&] { return value.attr("__arrow_c_stream__")(); });
    ArrowArrayStream* stream = stream_in(capsule);
    describe(node, take(without_gil([&] { return IncomingTable::from_stream(stream); })));
  }

  ObjectId publish(const ClientHandle& handle) {
    const Client& client = handle.get();
    if (draft_.fault()) throw_error(*draft_.fault());
    if (!has_nbytes_) document().set_nbytes({0}, draft_.payload_size());
    const auto publish = [&] { return write_and_publish(client); };
    Result<ObjectId> id =
        draft_.payload_size() < kReleaseGilAt ? patiently(publish) : without_gil(publish);
    if (failure_) std::rethrow_exception(failure_);
    return take(std::move(id));
  }
  [[nodiscard]] std::size_t size() const { return draft_.payload_size(); }

 private:
  [[nodiscard]] meta::DocumentBuilder& document() { return draft_.document(); }

  const IncomingArray& take_array(nb::handle value) {
    const nb::object pair = in_python([&] { return value.attr("__arrow_c_array__")(); });
    return arrays_.emplace_back(
        take(IncomingArray::from_array(schema_in(pair[0]), array_in(pair[1]))));
  }

  void describe(std::uint32_t node, IncomingTable&& incoming) {
    const IncomingTable& table = tables_.emplace_back(std::move(incoming));
    document().set_type_name({node}, Codec<IncomingTable>::type_name(table));
    Codec<IncomingTable>::describe(draft_, {node}, table);
  }

  // Called with the GIL or without; twice, if the first time it would have had to wait.
  Result<ObjectId> write_and_publish(const Client& client) {
    if (!draft_.has_payload()) return client.publish(document());
    Result<Payload> payload = client.reserve(ByteCount(draft_.payload_size()));
    if (!payload) return std::move(payload).error();
    draft_.write_payload(payload->bytes());
    if (failure_) return Error(ErrorCode::kInvalid, "a part of the payload could not be written");
    return client.publish(document(), std::span<Payload>(&*payload, 1));
  }

  // What Python raises is kept until the payload is written: nothing is thrown through the draft.
  void fill(const nb::object& callee, std::span<std::byte> bytes) noexcept {
    const GilHeld held;
    if (failure_) return;
    try {
      nb::object room =
          nb::steal(PyMemoryView_FromMemory(reinterpret_cast<char*>(bytes.data()),
                                            static_cast<Py_ssize_t>(bytes.size()), PyBUF_WRITE));
      if (!room.is_valid()) throw nb::python_error();
      callee(room);
      room.attr(
          "release")();  // raises if the callee kept a buffer: nobody may write after publication
    } catch (abi::__forced_unwind&) {
      wait_for_the_end();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  ObjectDraft draft_;
  // What the draft borrows from; a deque, so that nothing moves.
  std::deque<BorrowedBuffer> sources_;
  std::deque<IncomingArray> arrays_;
  std::deque<IncomingTable> tables_;
  std::vector<std::pair<ObjectId, std::uint32_t>>
      shared_;  // blobs that are there already, and their numbers
  bool has_nbytes_ = false;
  std::exception_ptr failure_;
};

}  // namespace

void bind_writer(nb::module_& module) {
  nb::class_<Writer>(module, "_Writer",
                     "Collects a document and its payload, then publishes both at once.")
      .def(nb::init<std::string_view>(), nb::arg("type_name") = "")
      .def("set", &Writer::set, nb::arg("node"), nb::arg("key"), nb::arg("value").none())
      .def("set_fields", &Writer::set_fields)
      .def("set_type", &Writer::set_type)
      .def("set_nbytes", &Writer::set_nbytes)
      .def("set_global", &Writer::set_global)
      .def("set_scalar", &Writer::set_scalar, nb::arg("node"), nb::arg("value").none())
      .def("set_array", &Writer::set_array)
      .def("set_joined", &Writer::set_joined)
      .def("set_batch", &Writer::set_batch)
      .def("set_table", &Writer::set_table)
      .def("add_node", &Writer::add_node, nb::arg("parent"), nb::arg("key"),
           nb::arg("type_name") = "")
      .def("add_member", &Writer::add_member)
      .def("add_buffer", &Writer::add_buffer)
      .def("add_room", &Writer::add_room)
      .def("share_range", &Writer::share_range)
      .def_prop_ro("size", &Writer::size)
      .def("publish", &Writer::publish);
}

}  // namespace vineyard::python
