// SPDX-License-Identifier: Apache-2.0
#include "binding.h"

NB_MODULE(_core, module) {
  using namespace vineyard::python;
  module.doc() = "The extension module of vineyard; use the package `vineyard`.";
  // Arrays may outlive the module: at exit the process ends their pins, nobody counts (docs: views).
  nanobind::set_leak_warnings(false);
  nanobind::register_exception_translator([](const std::exception_ptr& e, void*) {
    if (!e)
      wait_for_the_end();  // a thread being ended in Python code that was not called by in_python
    std::rethrow_exception(e);
  });
  bind_ids(module);
  bind_buffers(module);
  bind_objects(module);
  bind_writer(module);
  bind_plain(module);
  bind_strings(module);
  bind_arrow(module);
  bind_client(module);
  module.def(
      "_nothing", [](nanobind::handle) {},
      nanobind::arg().none());  // the least that a call costs, for bench/
}
