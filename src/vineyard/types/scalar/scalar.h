// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "vineyard/types/codec.h"

// `vineyard::Scalar<T>`: one number, truth value or text, in the metadata itself (interop: base
// types).
namespace vineyard {

template <class T>
concept ScalarNumber = std::integral<T> || std::same_as<T, float> || std::same_as<T, double>;

namespace scalar {

enum class Sign : std::uint8_t { kSigned, kUnsigned };
[[nodiscard]] std::string type_name_of_integer(Sign sign, std::size_t size);
void describe(ObjectDraft& draft, meta::NodeRef node, bool value);
void describe_signed(ObjectDraft& draft, meta::NodeRef node, std::int64_t value, std::size_t size);
void describe_unsigned(ObjectDraft& draft, meta::NodeRef node, std::uint64_t value,
                       std::size_t size);
void describe(ObjectDraft& draft, meta::NodeRef node, double value, std::string_view type);
/// A truth value counts as 0 or 1.
[[nodiscard]] Result<std::int64_t> resolve_signed(const ObjectSource& source, std::int64_t min,
                                                  std::int64_t max);
[[nodiscard]] Result<std::uint64_t> resolve_unsigned(const ObjectSource& source, std::uint64_t max);
[[nodiscard]] Result<bool> resolve_bool(const ObjectSource& source);
[[nodiscard]] Result<double> resolve_double(const ObjectSource& source);
/// A double that a float holds exactly.
[[nodiscard]] Result<double> resolve_float(const ObjectSource& source);

}  // namespace scalar

/// Numbers and truth values. Whole numbers resolve from any Scalar whose value fits; `double` also
/// from whole numbers that it holds exactly.
template <ScalarNumber T>
struct Codec<T> {
  static std::string type_name(const T&) {
    if constexpr (std::same_as<T, bool>)
      return "vineyard::Scalar<bool>";
    else if constexpr (std::same_as<T, float>)
      return "vineyard::Scalar<float>";
    else if constexpr (std::same_as<T, double>)
      return "vineyard::Scalar<double>";
    else
      return scalar::type_name_of_integer(
          std::signed_integral<T> ? scalar::Sign::kSigned : scalar::Sign::kUnsigned, sizeof(T));
  }
  static void describe(ObjectDraft& draft, meta::NodeRef node, T value) {
    if constexpr (std::same_as<T, bool>)
      scalar::describe(draft, node, value);
    else if constexpr (std::same_as<T, float>)
      scalar::describe(draft, node, value, "float");
    else if constexpr (std::same_as<T, double>)
      scalar::describe(draft, node, value, "double");
    else if constexpr (std::signed_integral<T>)
      scalar::describe_signed(draft, node, value, sizeof(T));
    else
      scalar::describe_unsigned(draft, node, value, sizeof(T));
  }
  static Result<T> resolve(const ObjectSource& source) {
    using Limits = std::numeric_limits<T>;
    if constexpr (std::same_as<T, bool>)
      return scalar::resolve_bool(source);
    else if constexpr (std::same_as<T, float>)
      return narrowed(scalar::resolve_float(source));
    else if constexpr (std::same_as<T, double>)
      return scalar::resolve_double(source);
    else if constexpr (std::signed_integral<T>)
      return narrowed(scalar::resolve_signed(source, Limits::min(), Limits::max()));
    else
      return narrowed(scalar::resolve_unsigned(source, Limits::max()));
  }

 private:
  template <class Wide>
  static Result<T> narrowed(Result<Wide> wide) {
    if (!wide) return std::move(wide).error();
    return static_cast<T>(*wide);
  }
};

/// `vineyard::Scalar<std::string>`. Bytes that are not UTF-8 are kept as bytes.
template <>
struct Codec<std::string> {
  static std::string type_name(const std::string&) { return "vineyard::Scalar<std::string>"; }
  static void describe(ObjectDraft& draft, meta::NodeRef node, const std::string& value);
  static Result<std::string> resolve(const ObjectSource& source);
};

[[nodiscard]] inline Result<ObjectId> put(const Client& client, std::string_view text) {
  return put<std::string>(client, std::string(text));
}
[[nodiscard]] inline Result<ObjectId> put(const Client& client, const char* text) {
  return put<std::string>(client, std::string(text));
}

}  // namespace vineyard
