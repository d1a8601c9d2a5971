// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/result.h"

namespace vineyard::meta {

/// A type name taken apart: `vineyard::Tensor<float>` is `vineyard::Tensor` with the argument
/// `float`.
struct TypeName {
  std::string base;
  std::vector<std::string> arguments;

  [[nodiscard]] std::string to_string() const;
  bool operator==(const TypeName&) const = default;
};

/// Takes `base<argument,...>` apart; arguments may have arguments.
/// Errors: invalid (brackets that do not match, nothing before them, something after them).
[[nodiscard]] Result<TypeName> parse_type_name(std::string_view text);

/// The spelling that type names have here: no blanks but between words, no inline namespaces of
/// standard libraries (`std::__1::`, `std::__cxx11::`), numbers by one name each (`short int` is
/// `int16`, `unsigned int` is `uint`).
[[nodiscard]] std::string canonical_type_name(std::string_view text);

/// The elements of tensors and arrays that are plain numbers.
enum class ElementType : std::uint8_t {
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFloat16,
  kFloat32,
  kFloat64,
};

[[nodiscard]] std::uint32_t size_of(ElementType type);
/// As in type names: `int` for 32 bits, `uint`, `float`, `double`, else as numpy.
[[nodiscard]] std::string_view name_in_type(ElementType type);
/// As numpy: `int32`, `float64`; unambiguous for every reader of field `value_type_`.
[[nodiscard]] std::string_view numpy_name(ElementType type);
/// Any spelling of C++, numpy and Arrow. `float` is 32 bits, as in C++ and Arrow.
[[nodiscard]] std::optional<ElementType> parse_element_type(std::string_view text);

/// The element type of a C++ number.
template <class T>
struct ElementTypeOf;
template <>
struct ElementTypeOf<bool> {
  static constexpr ElementType kValue = ElementType::kBool;
};
template <>
struct ElementTypeOf<std::int8_t> {
  static constexpr ElementType kValue = ElementType::kInt8;
};
template <>
struct ElementTypeOf<std::int16_t> {
  static constexpr ElementType kValue = ElementType::kInt16;
};
template <>
struct ElementTypeOf<std::int32_t> {
  static constexpr ElementType kValue = ElementType::kInt32;
};
template <>
struct ElementTypeOf<std::int64_t> {
  static constexpr ElementType kValue = ElementType::kInt64;
};
template <>
struct ElementTypeOf<std::uint8_t> {
  static constexpr ElementType kValue = ElementType::kUint8;
};
template <>
struct ElementTypeOf<std::uint16_t> {
  static constexpr ElementType kValue = ElementType::kUint16;
};
template <>
struct ElementTypeOf<std::uint32_t> {
  static constexpr ElementType kValue = ElementType::kUint32;
};
template <>
struct ElementTypeOf<std::uint64_t> {
  static constexpr ElementType kValue = ElementType::kUint64;
};
template <>
struct ElementTypeOf<float> {
  static constexpr ElementType kValue = ElementType::kFloat32;
};
template <>
struct ElementTypeOf<double> {
  static constexpr ElementType kValue = ElementType::kFloat64;
};

template <class T>
inline constexpr ElementType kElementType = ElementTypeOf<T>::kValue;

}  // namespace vineyard::meta
