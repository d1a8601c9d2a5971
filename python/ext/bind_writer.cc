// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>
#include <vector>

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include "binding.h"

namespace vineyard::python {
namespace {

using meta::NodeRef;

constexpr std::size_t kAlignment = 64;
constexpr std::string_view kNamedLater = "-";  // a node must have a type name from the start

/// One run of bytes of the payload: a buffer to copy, or room that Python fills in.
struct Part {
  std::size_t offset = 0;
  std::size_t size = 0;
  std::optional<BorrowedBuffer> source;
  nb::object fill;  // called with a writable memoryview, when there is no source
};

/// The Python class `_Writer`: collects a document and the bytes of its payload, then publishes both at once.
///
/// Owner:   its Python object; used once.
/// Threads: one at a time.
/// Always:  parts are 64-byte aligned in one payload blob; the buffers they come from are held until published.
class Writer {
 public:
  explicit Writer(std::string_view type_name) : builder_(type_name) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void set(std::uint32_t node, std::string_view key, nb::handle value) { set_field(builder_, {node}, key, value); }
  void set_type(std::uint32_t node, std::string_view name) { builder_.set_type_name({node}, name); }
  void set_nbytes(std::uint32_t node, std::uint64_t nbytes) {
    builder_.set_nbytes({node}, nbytes);
    if (node == 0) has_nbytes_ = true;
  }
  void set_global(std::uint32_t node) { builder_.set_global({node}); }
  std::uint32_t add_node(std::uint32_t parent, std::string_view key, std::string_view type_name) {
    return builder_.add_node({parent}, key, type_name.empty() ? kNamedLater : type_name).index;
  }
  void add_member(std::uint32_t node, std::string_view key, nb::handle id) { builder_.add_member({node}, key, to_id(id)); }
  bool set_scalar(std::uint32_t node, nb::handle value) { return write_scalar(builder_, {node}, value); }

  void add_buffer(std::uint32_t node, std::string_view key, nb::handle value) {
    BorrowedBuffer source(value);
    const std::size_t size = source.bytes().size();
    Part& part = add_part(node, key, size);
    if (size > 0) part.source.emplace(std::move(source));
  }
  void add_room(std::uint32_t node, std::string_view key, std::size_t size, nb::object fill) {
    add_part(node, key, size).fill = std::move(fill);
  }
  /// Shares bytes of an existing blob instead of copying them.
  void share_range(std::uint32_t node, std::string_view key, nb::handle blob, std::uint64_t offset, std::uint64_t size) {
    const ObjectId id = to_id(blob);
    std::size_t at = 0;
    while (at < shared_.size() && shared_[at].first != id) ++at;
    if (at == shared_.size()) shared_.emplace_back(id, builder_.add_payload(id));
    builder_.add_buffer({node}, key, shared_[at].second, offset, size);
  }

  ObjectId publish(const ClientHandle& handle) {
    const Client& client = handle.get();
    if (!has_nbytes_) builder_.set_nbytes({0}, total_);
    if (!payload_) return take(client.publish(builder_));
    Payload payload = take(reserve(client));
    copy(payload);
    parts_.clear();
    return take(client.publish(builder_, std::span<Payload>(&payload, 1)));
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  Part& add_part(std::uint32_t node, std::string_view key, std::size_t size) {
    Part& part = parts_.emplace_back();
    part.size = size;
    part.offset = (size_ + kAlignment - 1) / kAlignment * kAlignment;
    if (!payload_) payload_ = builder_.add_payload();
    if (size == 0) part.offset = 0;  // needs no place of its own
    else size_ = part.offset + size;
    total_ += size;
    builder_.add_buffer({node}, key, *payload_, part.offset, size);
    return part;
  }

  Result<Payload> reserve(const Client& client) const {
    const nb::gil_scoped_release release;
    return client.reserve(ByteCount(size_));
  }

  void copy(Payload& payload) {
    for (const Part& part : parts_)
      if (part.size > 0 && !part.source) fill(part, payload);
    if (size_ < kReleaseGilAt) return copy_sources(payload);
    const nb::gil_scoped_release release;
    copy_sources(payload);
  }
  void copy_sources(Payload& payload) const {
    std::size_t end = 0;
    for (const Part& part : parts_) {
      if (part.size == 0) continue;
      std::memset(payload.data() + end, 0, part.offset - end);  // never show what was there before
      if (part.source) std::memcpy(payload.data() + part.offset, part.source->bytes().data(), part.size);
      end = part.offset + part.size;
    }
  }
  static void fill(const Part& part, Payload& payload) {
    nb::object room = nb::steal(PyMemoryView_FromMemory(reinterpret_cast<char*>(payload.data() + part.offset),
                                                        static_cast<Py_ssize_t>(part.size), PyBUF_WRITE));
    if (!room.is_valid()) throw nb::python_error();
    part.fill(room);
    room.attr("release")();  // raises if the callee kept a buffer: nobody may write after publication
  }

  meta::DocumentBuilder builder_;
  std::vector<Part> parts_;
  std::optional<std::uint32_t> payload_;
  std::size_t size_ = 0;   // of the payload blob
  std::size_t total_ = 0;  // of the parts, without what aligns them
  bool has_nbytes_ = false;
  std::vector<std::pair<ObjectId, std::uint32_t>> shared_;  // blobs that are there already, and their numbers
};

}  // namespace

void bind_writer(nb::module_& module) {
  nb::class_<Writer>(module, "_Writer", "Collects a document and its payload, then publishes both at once.")
      .def(nb::init<std::string_view>(), nb::arg("type_name") = "")
      .def("set", &Writer::set, nb::arg("node"), nb::arg("key"), nb::arg("value").none())
      .def("set_type", &Writer::set_type)
      .def("set_nbytes", &Writer::set_nbytes)
      .def("set_global", &Writer::set_global)
      .def("set_scalar", &Writer::set_scalar, nb::arg("node"), nb::arg("value").none())
      .def("add_node", &Writer::add_node, nb::arg("parent"), nb::arg("key"), nb::arg("type_name") = "")
      .def("add_member", &Writer::add_member)
      .def("add_buffer", &Writer::add_buffer)
      .def("add_room", &Writer::add_room)
      .def("share_range", &Writer::share_range)
      .def_prop_ro("size", &Writer::size)
      .def("publish", &Writer::publish);
}

}  // namespace vineyard::python
