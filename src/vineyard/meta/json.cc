// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/json.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>

namespace vineyard::meta {

namespace {

constexpr std::size_t kMaxLevels =
    192;  // a document has 64 levels, each two or three objects in JSON

// Receives what the library's parser finds. Numbers are collected as text and converted here: the
// library's own conversion of this version may be off by one in the last place.
class Handler {
 public:
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;
  using Code = boost::json::error_code;
  using Text = boost::json::string_view;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_array_begin(Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }
  bool on_null(Code&) { return push(nullptr); }
  bool on_bool(bool value, Code&) { return push(value); }
  bool on_number_part(Text text, Code&) { return append(text); }
  bool on_int64(std::int64_t value, Text, Code&) { return text_.clear(), push(value); }
  bool on_uint64(std::uint64_t value, Text, Code&) { return text_.clear(), push(value); }
  bool on_double(double rough, Text text, Code&) {
    append(text);
    double exact = rough;
    // Out of range, the rough value is right already: infinity or zero.
    const auto [end, code] = std::from_chars(text_.data(), text_.data() + text_.size(), exact);
    if (code != std::errc()) exact = rough;
    text_.clear();
    return push(exact);
  }
  bool on_string_part(Text text, std::size_t, Code&) { return append(text); }
  bool on_string(Text text, std::size_t, Code&) {
    return append(text), push(std::exchange(text_, {}));
  }
  bool on_key_part(Text text, std::size_t, Code&) { return append(text); }
  bool on_key(Text text, std::size_t, Code&) {
    append(text);
    keys_.push_back(std::exchange(text_, {}));
    return true;
  }
  bool on_array_end(std::size_t count, Code&) {
    JsonValue::Array array(
        std::make_move_iterator(values_.end() - static_cast<std::ptrdiff_t>(count)),
        std::make_move_iterator(values_.end()));
    values_.resize(values_.size() - count);
    return push(std::move(array));
  }
  bool on_object_end(std::size_t count, Code& code) {
    JsonValue::Object object;
    object.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
      object.emplace_back(std::move(keys_[keys_.size() - count + i]),
                          std::move(values_[values_.size() - count + i]));
    keys_.resize(keys_.size() - count);
    values_.resize(values_.size() - count);
    std::vector<std::string_view> sorted;
    sorted.reserve(count);
    for (const auto& [key, value] : object) sorted.push_back(key);
    std::ranges::sort(sorted);
    if (std::ranges::adjacent_find(sorted) != sorted.end()) {
      twice_ = true;
      code = boost::json::make_error_code(boost::json::error::syntax);
      return false;
    }
    return push(std::move(object));
  }

  [[nodiscard]] bool has_key_twice() const { return twice_; }
  JsonValue take() { return std::move(values_.front()); }

 private:
  bool append(Text text) {
    text_.append(text.data(), text.size());
    return true;
  }
  bool push(JsonValue::Data data) {
    values_.emplace_back(std::move(data));
    return true;
  }
  std::vector<JsonValue> values_;
  std::vector<std::string> keys_;
  std::string text_;
  bool twice_ = false;
};

}  // namespace

Result<JsonValue> JsonValue::parse(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kMaxLevels;
  boost::json::basic_parser<Handler> parser(options);
  boost::json::error_code code;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), code);
  if (!code && used < text.size() &&
      text.find_first_not_of(" \t\r\n", used) != std::string_view::npos)
    code = boost::json::make_error_code(boost::json::error::extra_data);
  if (!code && !parser.done()) code = boost::json::make_error_code(boost::json::error::incomplete);
  if (code) {
    const std::string what =
        parser.handler().has_key_twice() ? "a key twice in one object" : code.message();
    return Error(ErrorCode::kInvalid,
                 "not good JSON at byte " + std::to_string(used) + ": " + what);
  }
  return parser.handler().take();
}

std::optional<std::uint64_t> JsonValue::as_uint64() const {
  if (const auto number = get<std::uint64_t>()) return number;
  const auto number = get<std::int64_t>();
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

std::optional<double> JsonValue::as_double() const {
  if (const auto number = get<double>()) return number;
  if (const auto number = get<std::int64_t>()) return static_cast<double>(*number);
  if (const auto number = get<std::uint64_t>()) return static_cast<double>(*number);
  return std::nullopt;
}

const JsonValue* JsonValue::find(std::string_view key) const {
  const Object* object = as_object();
  if (object == nullptr) return nullptr;
  const auto at =
      std::ranges::find_if(*object, [key](const auto& pair) { return pair.first == key; });
  return at == object->end() ? nullptr : &at->second;
}

void JsonValue::write(JsonWriter& writer) const {
  if (const Array* array = as_array()) {
    writer.begin_array();
    for (const JsonValue& value : *array) value.write(writer);
    writer.end_array();
  } else if (const Object* object = as_object()) {
    writer.begin_object();
    for (const auto& [key, value] : *object) value.write(writer.key(key));
    writer.end_object();
  } else if (const std::string* text = as_text()) {
    writer.value(*text);
  } else if (const auto truth = as_bool()) {
    writer.value(*truth);
  } else if (const auto real = is_double() ? as_double() : std::nullopt) {
    writer.value(*real);
  } else if (const auto number = as_int64()) {
    writer.value(*number);
  } else if (const auto large = as_uint64()) {
    writer.value(*large);
  } else {
    writer.null();
  }
}

}  // namespace vineyard::meta
