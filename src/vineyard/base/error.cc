// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/error.h"

namespace vineyard {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kInvalid: return "invalid";
    case ErrorCode::kDenied: return "denied";
    case ErrorCode::kFull: return "full";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kDeadline: return "deadline";
    case ErrorCode::kCorrupt: return "corrupt";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kExists: return "exists";
  }
  return "unknown";
}

std::string Error::to_string() const {
  return std::string(name_of(code_)) + ": " + message_;
}

Error Error::with_context(std::string_view context) && {
  std::string text(context);
  text += ": ";
  text += message_;
  return Error(code_, std::move(text));
}

}  // namespace vineyard
