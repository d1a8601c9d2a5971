// SPDX-License-Identifier: Apache-2.0
// The writing half of json.h, apart from the reading one so that who only writes does not link the
// JSON library.
#include <charconv>
#include <cmath>

#include "vineyard/meta/json.h"

namespace vineyard::meta {

void JsonWriter::new_line() {
  if (style_ != JsonStyle::kIndented) return;
  text_ += '\n';
  text_.append(2 * depth_, ' ');
}

void JsonWriter::before_value() {
  if (place_ == Place::kAfterKey || depth_ == 0) return;
  if (place_ == Place::kAfterValue) text_ += ',';
  new_line();
}

JsonWriter& JsonWriter::open(char bracket) {
  before_value();
  text_ += bracket;
  ++depth_;
  place_ = Place::kFirst;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  --depth_;
  if (place_ != Place::kFirst) new_line();
  text_ += bracket;
  place_ = Place::kAfterValue;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  value(name);
  text_ += style_ == JsonStyle::kIndented ? ": " : ":";
  place_ = Place::kAfterKey;
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  before_value();
  text_ += json;
  place_ = Place::kAfterValue;
  return *this;
}

JsonWriter& JsonWriter::signed_number(std::int64_t number) {
  char buffer[24];
  return raw({buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr});
}

JsonWriter& JsonWriter::unsigned_number(std::uint64_t number) {
  char buffer[24];
  return raw({buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr});
}

JsonWriter& JsonWriter::value(double number) {
  if (std::isnan(number)) return raw("\"NaN\"");
  if (std::isinf(number)) return raw(number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  char buffer[32];
  char* end = std::to_chars(buffer, buffer + sizeof buffer - 2, number)
                  .ptr;  // shortest text that reads back the same
  if (std::string_view(buffer, end).find_first_of(".e") == std::string_view::npos) {
    *end++ = '.';
    *end++ = '0';
  }
  return raw({buffer, end});
}

JsonWriter& JsonWriter::value(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  before_value();
  text_ += '"';
  for (const char c : text) {
    switch (c) {
      case '"': text_ += "\\\""; break;
      case '\\': text_ += "\\\\"; break;
      case '\n': text_ += "\\n"; break;
      case '\r': text_ += "\\r"; break;
      case '\t': text_ += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          text_ += "\\u00";
          text_ += kDigits[c >> 4];
          text_ += kDigits[c & 15];
        } else {
          text_ += c;
        }
    }
  }
  text_ += '"';
  place_ = Place::kAfterValue;
  return *this;
}

}  // namespace vineyard::meta
