// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace vineyard {

/// What the caller should do about a failure; the message says what happened.
enum class ErrorCode : std::uint8_t {
  kNotFound = 1,  ///< the thing asked for does not exist (any more)
  kInvalid = 2,   ///< the request itself is wrong; asking again does not help
  kDenied = 3,    ///< not allowed for this caller
  kFull = 4,      ///< memory, ids, names, pins or a quota are used up; free something and ask again
  kUnavailable = 5,  ///< the other side is gone or not reachable; connect again
  kDeadline = 6,     ///< no answer in time; the outcome is unknown
  kCorrupt = 7,      ///< bytes of another process or file are not what they must be
  kUnsupported = 8,  ///< this build, host or kernel cannot do it
  kExists = 9,       ///< there is already something under that name or id
};

/// The code's name as users see it, for example `not_found`.
[[nodiscard]] std::string_view name_of(ErrorCode code);

/// A failure as a value: what the caller should do, and what was asked, what is, what to do.
///
/// Owner:   whoever holds it; a plain value.
/// Threads: as any value.
/// Always:  `message` is one line without a trailing newline.
class Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  [[nodiscard]] ErrorCode code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }
  /// `code: message`, for logs and terminals.
  [[nodiscard]] std::string to_string() const;
  /// The same failure seen from one level up: `context: message`.
  [[nodiscard]] Error with_context(std::string_view context) &&;

 private:
  ErrorCode code_;
  std::string message_;
};

}  // namespace vineyard
