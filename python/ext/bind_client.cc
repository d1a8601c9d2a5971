// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include "binding.h"

namespace vineyard::python {
namespace {

// Whether exact bytes, str, int, float, bool and None go the short way past the registries (vineyard/core). Switched
// off for good when a program registers a builder or resolver of its own for one of them.
std::atomic<bool> short_put{true};
std::atomic<bool> short_get{true};

// ---- connect

nb::object connect(nb::type_object type, const std::string& socket, bool autostart,
                   std::optional<std::uint32_t> deadline_ms, const std::string& daemon_program,
                   const std::vector<std::string>& daemon_arguments, const std::string& program) {
  StartedDaemon started;
  ConnectOptions options;
  options.socket = socket;
  options.autostart = autostart ? Autostart::kPrivateDaemon : Autostart::kNever;
  options.deadline_ms = deadline_ms;
  options.daemon_program = daemon_program;
  options.daemon_arguments = daemon_arguments;
  options.program = program;
  options.started = &started;
  Client client = take(without_gil([&] { return Client::connect(options); }));
  nb::object self = nb::inst_alloc(type);
  new (nb::inst_ptr<ClientHandle>(self)) ClientHandle{std::move(client)};
  nb::inst_mark_ready(self);
  if (started.program.empty()) return nb::make_tuple(self, nb::none());
  return nb::make_tuple(self, nb::make_tuple(started.program, started.socket, started.pid));
}

// ---- put

/// Of a method's `self`. Raises ConnectionErrorException when closed.
const Client& client_of(nb::handle self) {
  if (!nb::inst_ready(self))
    throw nb::type_error("this client was never connected: vineyard.connect() makes one");
  return nb::inst_ptr<ClientHandle>(self)->get();
}

meta::DocumentBuilder& scratch_builder() {
  thread_local meta::DocumentBuilder builder;
  return builder;
}

Result<ObjectId> put_bytes(const Client& client, nb::handle value) {
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(value.ptr(), &data, &size) != 0) throw nb::python_error();
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data),
                                         static_cast<std::size_t>(size));
  const auto put = [&] { return client.put_blob(bytes); };
  return bytes.size() < kReleaseGilAt ? patiently(put) : without_gil(put);
}

/// The object of a value that needs no builder, or nothing for all others.
std::optional<ObjectId> put_short(const Client& client, nb::handle value) {
  if (!short_put.load(std::memory_order_relaxed)) return std::nullopt;
  if (PyBytes_CheckExact(value.ptr())) return take(put_bytes(client, value));
  meta::DocumentBuilder& builder = scratch_builder();
  builder.clear({});
  if (!write_scalar(builder, builder.root(), value)) return std::nullopt;
  return take(patiently([&] { return client.publish(builder); }));
}

nb::object put(nb::handle self, nb::handle value) {
  if (const std::optional<ObjectId> id = put_short(client_of(self), value)) return nb::cast(*id);
  return in_python([&] { return self.attr("_put")(value); });
}

ObjectId put_buffer(const ClientHandle& self, nb::handle value) {
  const Client& client = self.get();
  const BorrowedBuffer buffer(value);
  return take(without_gil([&] { return client.put_blob(buffer.bytes()); }));
}

// ---- get

nb::object resolve(nb::handle self, const Client& client, Object&& object) {
  if (short_get.load(std::memory_order_relaxed) && !object.is_blob()) {
    nb::object value = read_scalar(object.root());
    if (value.is_valid()) return value;
  }
  return in_python([&] { return self.attr("_resolve")(make_object(client, std::move(object))); });
}

nb::object get(nb::handle self, nb::handle object_id) {
  ObjectId* id = nullptr;
  if (!nb::try_cast(object_id, id) || id == nullptr)
    return in_python([&] { return self.attr("_get")(object_id); });
  const Client& client = client_of(self);
  if (!id->is_blob())
    return resolve(self, client, take(patiently([&] { return client.get(*id); })));
  nb::object blob = make_blob(take(patiently([&] { return client.get_view(*id); })));
  if (short_get.load(std::memory_order_relaxed)) return blob;
  return in_python([&] { return self.attr("_resolve")(blob); });
}

/// An Object, or a Blob: what lies behind an id, not yet made a value.
nb::object get_object_of(const ClientHandle& self, nb::handle object_id, std::uint64_t wait_ms) {
  const Client& client = self.get();
  const ObjectId id = to_id(object_id);
  if (wait_ms == 0) return get_object(client, id);
  const GetOptions options{.wait_ms = wait_ms};
  if (id.is_blob())
    return make_blob(take(without_gil([&] { return client.get_view(id, options); })));
  return make_object(client, take(without_gil([&] { return client.get(id, options); })));
}

std::vector<ObjectId> to_ids(nb::handle values) {
  std::vector<ObjectId> ids;
  for (nb::handle value : values) ids.push_back(to_id(value));
  return ids;
}

nb::object get_objects(const ClientHandle& self, nb::handle object_ids) {
  const Client& client = self.get();
  const std::vector<ObjectId> ids = to_ids(object_ids);
  std::vector<Object> objects = take(without_gil([&] { return client.get_many(ids); }));
  nb::list result;
  for (Object& object : objects) result.append(make_object(client, std::move(object)));
  return result;
}

// ---- names and lists

nb::object list_of(const std::vector<ObjectId>& ids) {
  nb::list result;
  for (const ObjectId id : ids) result.append(nb::cast(id));
  return result;
}

ListOptions list_options(const std::string& pattern, bool regex, std::uint32_t limit) {
  return {.pattern = pattern,
          .syntax = regex ? PatternSyntax::kRegularExpression : PatternSyntax::kGlob,
          .limit = limit};
}

nb::object list_names(const ClientHandle& self, const std::string& pattern, bool regex,
                      std::uint32_t limit) {
  const Client& client = self.get();
  const ListOptions options = list_options(pattern, regex, limit);
  nb::dict result;
  for (const NamedObject& named : take(without_gil([&] { return client.list_names(options); })))
    result[nb::str(named.name.data(), named.name.size())] = nb::cast(named.id);
  return result;
}

/// `ids` without those that are gone.
Result<std::vector<Object>> get_those_there(const Client& client, std::span<const ObjectId> ids) {
  Result<std::vector<Object>> all = client.get_many(ids);
  if (all || all.error().code() != ErrorCode::kNotFound) return all;
  std::vector<Object> found;
  for (const ObjectId id : ids) {
    Result<Object> object = client.get(id);
    if (object) {
      found.push_back(*std::move(object));
    } else if (object.error().code() != ErrorCode::kNotFound) {
      return std::move(object).error();
    }
  }
  return found;
}

/// Objects whose type name matches, without those that somebody deletes meanwhile.
nb::object list_objects(const ClientHandle& self, const std::string& pattern, bool regex,
                        std::uint32_t limit) {
  const Client& client = self.get();
  const ListOptions options = list_options(pattern, regex, limit);
  std::vector<Object> objects = take(without_gil([&]() -> Result<std::vector<Object>> {
    Result<std::vector<ObjectId>> ids = client.list(options);
    if (!ids) return std::move(ids).error();
    return get_those_there(client, *ids);
  }));
  nb::list result;
  for (Object& object : objects) {
    if (!object.is_blob()) {
      result.append(make_object(client, std::move(object)));
      continue;
    }
    Result<View> blob = client.get_view(object.id().with_blob_bit());
    if (blob || blob.error().code() != ErrorCode::kNotFound)
      result.append(make_blob(take(std::move(blob))));
  }
  return result;
}

nb::object get_name(const ClientHandle& self, const std::string& name, std::uint64_t wait_ms,
                    bool linearizable) {
  const Client& client = self.get();
  const GetNameOptions options{
      .wait_ms = wait_ms, .freshness = linearizable ? Freshness::kLinearizable : Freshness::kSeen};
  return nb::cast(take(without_gil([&] { return client.get_name(name, options); })));
}

void put_name(const ClientHandle& self, nb::handle object_id, const std::string& name,
              bool replace) {
  const Client& client = self.get();
  const ObjectId id = to_id(object_id);
  take(without_gil(
      [&] { return client.put_name(name, id, replace ? NameMode::kReplace : NameMode::kIfFree); }));
}

bool drop_name(const ClientHandle& self, const std::string& name) {
  const Client& client = self.get();
  return take(without_gil([&] { return client.drop_name(name); }));
}

// ---- objects of the instance

nb::object remove(const ClientHandle& self, nb::handle object_ids, bool force, bool deep) {
  const Client& client = self.get();
  const std::vector<ObjectId> ids = to_ids(object_ids);
  const DeleteOptions options{.deep = deep, .force = force};
  const DeleteReport report = take(without_gil([&] { return client.remove(ids, options); }));
  return nb::make_tuple(report.deleted, report.absent, list_of(report.kept),
                        list_of(report.holders));
}

bool exists(const ClientHandle& self, nb::handle object_id) {
  const Client& client = self.get();
  const ObjectId id = to_id(object_id);
  return take(without_gil([&] { return client.exists(id); }));
}

std::uint32_t clear(const ClientHandle& self) {
  const Client& client = self.get();
  return take(without_gil([&] { return client.clear(); }));
}

std::string status_json(const ClientHandle& self) {
  const Client& client = self.get();
  return take(without_gil([&] { return client.status_json(); }));
}

nb::object check_json(const ClientHandle& self) {
  const Client& client = self.get();
  const CheckReport report = take(without_gil([&] { return client.check_json(); }));
  return nb::make_tuple(report.findings, report.json);
}

nb::object find_blob(const ClientHandle& self, std::uintptr_t address) {
  const Client& client = self.get();
  const auto id =
      take(without_gil([&] { return client.find_blob(reinterpret_cast<const void*>(address)); }));
  return id ? nb::cast(*id) : nb::none();
}

std::int64_t created_ms(const ClientHandle& self, nb::handle object_id) {
  const Client& client = self.get();
  const ObjectId id = to_id(object_id);
  return take(without_gil([&] { return client.created_at(id); })).time_since_epoch().count();
}

void sync(const ClientHandle& self) {
  const Client& client = self.get();
  take(without_gil([&] { return client.sync(); }));
}

void bind_data(nb::class_<ClientHandle>& type) {
  type.def("_put_buffer", &put_buffer)
      .def("_get_object", &get_object_of, nb::arg("object_id"), nb::arg("wait_ms") = 0)
      .def("_get_objects", &get_objects)
      .def("_remove", &remove)
      .def("_exists", &exists);
}

// ---- put and get as methods of C: a call costs less than through nanobind, and `inspect` finds their signatures

/// What a method of C does with the exceptions of C++.
template <class Call>
PyObject* as_method(Call call) noexcept {
  try {
    return call().release().ptr();
  } catch (nb::python_error& e) {
    e.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const nb::builtin_exception& e) {
    PyErr_SetString(PyExc_TypeError, e.what());
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  }
  return nullptr;
}

/// Calls with the arguments of a method of C: the positional ones, then those that `keywords`, a tuple, names.
nb::object call_with(const nb::object& callable, PyObject* const* args, Py_ssize_t count,
                     PyObject* keywords) {
  nb::list positional;
  for (Py_ssize_t n = 0; n < count; ++n) positional.append(nb::handle(args[n]));
  nb::dict named;
  if (keywords != nullptr) {
    for (nb::handle name : nb::borrow<nb::tuple>(keywords)) named[name] = nb::handle(args[count++]);
  }
  return callable(*positional, **named);
}

/// `call(self, value)` for one positional argument; the method of that name, written in Python, for all others.
template <class Call>
PyObject* with_one_argument(Call call, const char* otherwise, PyObject* self, PyObject* const* args,
                            Py_ssize_t count, PyObject* keywords) noexcept {
  return as_method([&]() -> nb::object {
    if (count == 1 && keywords == nullptr) return call(nb::handle(self), nb::handle(args[0]));
    (void)client_of(self);
    return in_python(
        [&] { return call_with(nb::getattr(self, otherwise), args, count, keywords); });
  });
}

PyObject* put_method(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return with_one_argument(&put, "_put", self, args, count, keywords);
}

PyObject* get_method(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return with_one_argument(&get, "_get", self, args, count, keywords);
}

// In the form that `inspect.signature` reads: the signature, a line, and what it does.
constexpr const char* kPutText =
    "put($self, value, builder=None, persist=False, name=None, **kw)\n--\n\n"
    "Puts a value and returns the id of the object that holds it.";
constexpr const char* kGetText =
    "get($self, object_id=None, name=None, resolver=None, fetch=False, **kw)\n--\n\n"
    "Gets a value by id or name. Large ones are read-only views without a copy.";

std::array<PyMethodDef, 3> methods{{
    // Python calls it by its flags, whatever its type here.
    {"put", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&put_method)),
     METH_FASTCALL | METH_KEYWORDS, kPutText},
    {"get", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&get_method)),
     METH_FASTCALL | METH_KEYWORDS, kGetText},
    {nullptr, nullptr, 0, nullptr},
}};

std::array<PyType_Slot, 2> slots{{{Py_tp_methods, methods.data()}, {0, nullptr}}};

void bind_instance(nb::class_<ClientHandle>& type) {
  type.def("_list_names", &list_names)
      .def("_list_objects", &list_objects)
      .def("_get_name", &get_name)
      .def("_put_name", &put_name)
      .def("_drop_name", &drop_name)
      .def("_clear", &clear)
      .def("_status_json", &status_json)
      .def("_check_json", &check_json)
      .def("_sync", &sync)
      .def("_find_blob", &find_blob)
      .def("_created_ms", &created_ms)
      .def("_connection",
           [](const ClientHandle& self) {
             const ConnectionInfo connection = self.get().connection();
             return nb::make_tuple(connection.socket, connection.version, connection.instance,
                                   connection.serial, connection.pool_bytes);
           })
      .def_prop_ro("_is_open", [](const ClientHandle& self) { return self.client.has_value(); })
      .def("_close", [](ClientHandle& self) { self.client.reset(); })
      .def("_deadline_ms", [](const ClientHandle& self) { return self.get().deadline().count(); })
      .def("_set_deadline_ms", [](const ClientHandle& self, std::uint64_t milliseconds) {
        self.get().set_deadline(std::chrono::milliseconds(milliseconds));
      });
}

}  // namespace

const Client& ClientHandle::get() const {
  if (!client) throw_error(Error(ErrorCode::kUnavailable, "this client is closed; connect again"));
  return *client;
}

void bind_client(nb::module_& module) {
  nb::class_<ClientHandle> type(
      module, "Client", nb::type_slots(slots.data()),
      "A handle on this process's connection with one instance on this host.");
  bind_data(type);
  bind_instance(type);
  module.def("_connect", &connect, nb::arg(), nb::arg(), nb::arg(), nb::arg("deadline_ms").none(),
             nb::arg(), nb::arg(), nb::arg());
  module.def("_forget_short_put", [] { short_put = false; });
  module.def("_forget_short_get", [] { short_get = false; });
}

}  // namespace vineyard::python
