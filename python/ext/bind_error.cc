// SPDX-License-Identifier: Apache-2.0
#include "binding.h"

namespace vineyard::python {
namespace {

const char* exception_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound: return "ObjectNotExistsException";
    case ErrorCode::kInvalid: return "InvalidException";
    case ErrorCode::kDenied: return "DeniedException";
    case ErrorCode::kFull: return "NotEnoughMemoryException";
    case ErrorCode::kUnavailable: return "ConnectionErrorException";
    case ErrorCode::kDeadline: return "DeadlineException";
    case ErrorCode::kCorrupt: return "CorruptException";
    case ErrorCode::kUnsupported: return "NotImplementedException";
    case ErrorCode::kExists: return "ObjectExistsException";
  }
  return "UnknownErrorException";
}

}  // namespace

void throw_error(const Error& error) {
  const nb::object type = nb::module_::import_("vineyard.errors").attr(exception_of(error.code()));
  const std::string& message = error.message();
  // A message may quote bytes of others, so it need not be UTF-8.
  const nb::object text = nb::steal(
      PyUnicode_DecodeUTF8(message.data(), static_cast<Py_ssize_t>(message.size()), "replace"));
  PyErr_SetObject(type.ptr(), text.ptr());
  throw nb::python_error();
}

}  // namespace vineyard::python
