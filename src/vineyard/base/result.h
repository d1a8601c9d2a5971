// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "vineyard/base/error.h"

namespace vineyard {

/// Reports the use of a value that is not there and aborts: a bug of the caller.
[[noreturn]] void bad_result_access(const Error* error);

/// A value or an Error, with the interface of `std::expected<T, Error>`, the same class in C++20 and C++23.
///
/// Owner:   whoever holds it; owns the value or the error.
/// Threads: as any value.
/// Always:  exactly one of value and error is there; asking for the other one aborts.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = Error;

  // Implicit as in std::expected, so that functions `return value` and `return Error(..)`.
  Result(T value)  // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error)  // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  [[nodiscard]] T& value() & { return *checked(); }
  [[nodiscard]] const T& value() const& { return *const_cast<Result*>(this)->checked(); }
  [[nodiscard]] T&& value() && { return std::move(*checked()); }
  [[nodiscard]] T& operator*() & { return value(); }
  [[nodiscard]] const T& operator*() const& { return value(); }
  [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }
  [[nodiscard]] T* operator->() { return checked(); }
  [[nodiscard]] const T* operator->() const { return const_cast<Result*>(this)->checked(); }
  template <class U>
  [[nodiscard]] T value_or(U&& fallback) const& {
    return has_value() ? value() : static_cast<T>(std::forward<U>(fallback));
  }

  [[nodiscard]] const Error& error() const& {
    if (has_value()) bad_result_access(nullptr);
    return *std::get_if<1>(&state_);
  }
  [[nodiscard]] Error&& error() && {
    if (has_value()) bad_result_access(nullptr);
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  T* checked() {
    if (!has_value()) bad_result_access(std::get_if<1>(&state_));
    return std::get_if<0>(&state_);
  }
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
///
/// Owner:   whoever holds it; owns the error.
/// Threads: as any value.
/// Always:  `error()` may be asked for only when `has_value()` is false.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  using error_type = Error;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit, so `return Error(..)`

  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (error_) bad_result_access(&*error_);
  }
  [[nodiscard]] const Error& error() const& {
    if (!error_) bad_result_access(nullptr);
    return *error_;
  }
  [[nodiscard]] Error&& error() && {
    if (!error_) bad_result_access(nullptr);
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace vineyard
