// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "vineyard/base/result.h"

// JSON at the edges: status replies, command line, HTTP, golden vectors. No type of the library
// behind it shows here.
namespace vineyard::meta {

enum class JsonStyle : std::uint8_t {
  kCompact,   ///< one line, no blanks
  kIndented,  ///< two blanks a level, for people
};

/// Writes JSON text, one token after the other.
///
/// Owner:   whoever writes.
/// Threads: one at a time.
/// Always:  valid JSON, given that calls nest and every value of an object follows a key; 64-bit
///          integers and doubles are exact (a double that is a whole number shows as `2.0`). NaN
///          and infinities, which JSON has no numbers for, are the texts "NaN", "Infinity" and
///          "-Infinity".
class JsonWriter {
 public:
  explicit JsonWriter(JsonStyle style = JsonStyle::kCompact) : style_(style) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& null() { return raw("null"); }
  template <std::same_as<bool> T>
  JsonWriter& value(T truth) {
    return raw(truth ? "true" : "false");
  }
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  JsonWriter& value(T number) {
    if constexpr (std::unsigned_integral<T>)
      return unsigned_number(number);
    else
      return signed_number(number);
  }
  JsonWriter& value(double number);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  /// `key(name)` and `value(v)` in one.
  template <class T>
  JsonWriter& field(std::string_view name, const T& v) {
    return key(name).value(v);
  }
  /// Text that is JSON already.
  JsonWriter& raw(std::string_view json);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& signed_number(std::int64_t number);
  JsonWriter& unsigned_number(std::uint64_t number);
  void before_value();
  void new_line();

  JsonStyle style_;
  std::string text_;
  std::size_t depth_ = 0;
  enum class Place : std::uint8_t { kFirst, kAfterValue, kAfterKey };
  Place place_ = Place::kFirst;
};

/// JSON that was read.
///
/// Owner:   whoever holds it; a plain value.
/// Threads: as any value.
/// Always:  integers that int64 or uint64 can hold are exact, as are doubles; keys of an object are
///          unique.
class JsonValue {
 public:
  using Array = std::vector<JsonValue>;
  using Object = std::vector<std::pair<std::string, JsonValue>>;  // in the order of the text
  using Data = std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string,
                            Array, Object>;

  JsonValue() = default;
  explicit JsonValue(Data data) : data_(std::move(data)) {}

  /// Reads one JSON text: standard JSON, UTF-8, at most 192 levels deep.
  /// Errors: invalid (says where and what).
  [[nodiscard]] static Result<JsonValue> parse(std::string_view text);

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }
  [[nodiscard]] std::optional<bool> as_bool() const { return get<bool>(); }
  [[nodiscard]] std::optional<std::int64_t> as_int64() const { return get<std::int64_t>(); }
  /// Any integer that is not negative.
  [[nodiscard]] std::optional<std::uint64_t> as_uint64() const;
  /// Any number.
  [[nodiscard]] std::optional<double> as_double() const;
  /// Null if it is something else, as the next two.
  [[nodiscard]] const std::string* as_text() const { return std::get_if<std::string>(&data_); }
  [[nodiscard]] const Array* as_array() const { return std::get_if<Array>(&data_); }
  [[nodiscard]] const Object* as_object() const { return std::get_if<Object>(&data_); }
  /// The value of a key; null if this is no object or has no such key.
  [[nodiscard]] const JsonValue* find(std::string_view key) const;
  /// Whether it is a number with a fraction or an exponent, or beyond 64 bits.
  [[nodiscard]] bool is_double() const { return std::holds_alternative<double>(data_); }

  void write(JsonWriter& writer) const;

 private:
  template <class T>
  [[nodiscard]] std::optional<T> get() const {
    const T* value = std::get_if<T>(&data_);
    return value ? std::optional<T>(*value) : std::nullopt;
  }
  Data data_ = nullptr;
};

}  // namespace vineyard::meta
