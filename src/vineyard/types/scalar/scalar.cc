// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/scalar/scalar.h"

#include <cmath>
#include <span>

#include "vineyard/base/try.h"
#include "vineyard/meta/utf8.h"

namespace vineyard {
namespace scalar {
namespace {

// What existing C++ programs write into `type_`.
std::string integer_name(Sign sign, std::size_t size) {
  return (sign == Sign::kSigned ? "int" : "uint") + std::to_string(8 * size);
}

Result<meta::Value> value_of(const ObjectSource& source) {
  if (!source.type_name().starts_with("vineyard::Scalar"))
    return Error(ErrorCode::kInvalid, std::string(source.type_name()) + " is no scalar");
  const auto value = source.node().field("value_");
  if (!value) return source.corrupt("no 'value_'");
  return *value;
}

Error does_not_fit(const ObjectSource& source, const char* wanted) {
  return Error(ErrorCode::kInvalid,
               std::string(source.type_name()) + " does not hold a value that fits " + wanted);
}

}  // namespace

std::string type_name_of_integer(Sign sign, std::size_t size) {
  if (size == 4) return sign == Sign::kSigned ? "vineyard::Scalar<int>" : "vineyard::Scalar<uint>";
  return "vineyard::Scalar<" + integer_name(sign, size) + ">";
}

void describe(ObjectDraft& draft, meta::NodeRef node, bool value) {
  draft.document().set(node, "type_", "bool");
  draft.document().set(node, "value_", value);
}
void describe_signed(ObjectDraft& draft, meta::NodeRef node, std::int64_t value, std::size_t size) {
  draft.document().set(node, "type_", integer_name(Sign::kSigned, size));
  draft.document().set(node, "value_", value);
}
void describe_unsigned(ObjectDraft& draft, meta::NodeRef node, std::uint64_t value,
                       std::size_t size) {
  draft.document().set(node, "type_", integer_name(Sign::kUnsigned, size));
  draft.document().set(node, "value_", value);
}
void describe(ObjectDraft& draft, meta::NodeRef node, double value, std::string_view type) {
  draft.document().set(node, "type_", type);
  draft.document().set(node, "value_", value);
}

Result<std::int64_t> resolve_signed(const ObjectSource& source, std::int64_t min,
                                    std::int64_t max) {
  VY_TRY(const meta::Value value, value_of(source));
  const auto truth = value.as_bool();
  const auto number = truth ? std::optional<std::int64_t>(*truth ? 1 : 0) : value.as_int64();
  if (!number || *number < min || *number > max) return does_not_fit(source, "a whole number");
  return *number;
}

Result<std::uint64_t> resolve_unsigned(const ObjectSource& source, std::uint64_t max) {
  VY_TRY(const meta::Value value, value_of(source));
  const auto truth = value.as_bool();
  const auto number = truth ? std::optional<std::uint64_t>(*truth ? 1 : 0) : value.as_uint64();
  if (!number || *number > max) return does_not_fit(source, "an unsigned number");
  return *number;
}

Result<bool> resolve_bool(const ObjectSource& source) {
  VY_TRY(const meta::Value value, value_of(source));
  if (const auto truth = value.as_bool()) return *truth;
  const auto number = value.as_int64();
  if (!number || *number < 0 || *number > 1) return does_not_fit(source, "a truth value");
  return *number == 1;
}

Result<double> resolve_double(const ObjectSource& source) {
  VY_TRY(const meta::Value value, value_of(source));
  if (const auto number = value.as_double()) return *number;
  const auto whole = value.as_int64();
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  if (!whole || *whole > kExact || *whole < -kExact) return does_not_fit(source, "a double");
  return static_cast<double>(*whole);
}

Result<double> resolve_float(const ObjectSource& source) {
  VY_TRY(const double number, resolve_double(source));
  const bool is_held = std::isnan(number) || std::isinf(number) ||
                       (std::abs(number) <= std::numeric_limits<float>::max() &&
                        static_cast<double>(static_cast<float>(number)) == number);
  if (!is_held) return does_not_fit(source, "a float");
  return number;
}

}  // namespace scalar

void Codec<std::string>::describe(ObjectDraft& draft, meta::NodeRef node,
                                  const std::string& value) {
  draft.document().set(node, "type_", "string");
  if (meta::is_utf8(value))
    draft.document().set(node, "value_", value);
  else
    draft.document().set_bytes(node, "value_", std::as_bytes(std::span(value)));
}

Result<std::string> Codec<std::string>::resolve(const ObjectSource& source) {
  VY_TRY(const meta::Value value, scalar::value_of(source));
  if (const auto text = value.as_text()) return std::string(*text);
  const auto bytes = value.as_bytes();
  if (!bytes) return scalar::does_not_fit(source, "a text");
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

}  // namespace vineyard
