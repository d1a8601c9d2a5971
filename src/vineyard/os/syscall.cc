// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/syscall.h"

#include <cstring>
#include <string>

namespace vineyard::os {

ErrorCode code_of_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
    case ENXIO: return ErrorCode::kNotFound;
    case EINVAL:
    case EBADF:
    case EFAULT:
    case EMSGSIZE:
    case ENAMETOOLONG:
    case EISDIR:
    case ELOOP:
    case EDOM:
    case ERANGE: return ErrorCode::kInvalid;
    case EPERM:
    case EACCES:
    case EROFS: return ErrorCode::kDenied;
    case ENOMEM:
    case ENOSPC:
    case EMFILE:
    case ENFILE:
    case EDQUOT:
    case ENOBUFS:
    case EFBIG: return ErrorCode::kFull;
    case ETIMEDOUT: return ErrorCode::kDeadline;
    case ENOSYS:
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT: return ErrorCode::kUnsupported;
    case EEXIST:
    case EADDRINUSE: return ErrorCode::kExists;
    default: return ErrorCode::kUnavailable;
  }
}

Error os_error(std::string_view call, int error_number, std::string_view arguments) {
  std::string text;
  text.append(call).append("(").append(arguments).append("): ");
  const char* description = ::strerrordesc_np(error_number);
  text.append(description != nullptr ? description : "unknown error");
  const char* name = ::strerrorname_np(error_number);
  text.append(" (").append(name != nullptr ? name : std::to_string(error_number)).append(")");
  return Error(code_of_errno(error_number), std::move(text));
}

}  // namespace vineyard::os
