// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/document_json.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "vineyard/base/limits.h"
#include "vineyard/base/try.h"

namespace vineyard::meta {
namespace {

constexpr std::array<std::string_view, 4> kOwnKeys = {"global", "id", "nbytes", "typename"};

template <class List>
void write_list(JsonWriter& writer, const List& list) {
  writer.begin_array();
  for (const auto element : list) writer.value(element);
  writer.end_array();
}

void write_bools(JsonWriter& writer, std::span<const std::uint8_t> list) {
  writer.begin_array();
  for (const std::uint8_t element : list) writer.value(element != 0);
  writer.end_array();
}

void write_value(JsonWriter& writer, const Value& value) {
  switch (value.type()) {
    case ValueType::kNull: writer.null(); return;
    // The type says which is there.  NOLINTBEGIN(bugprone-unchecked-optional-access)
    case ValueType::kBool: writer.value(*value.as_bool()); return;
    case ValueType::kInt64: writer.value(*value.as_int64()); return;
    case ValueType::kUint64: writer.value(*value.as_uint64()); return;
    case ValueType::kDouble: writer.value(*value.as_double()); return;
    case ValueType::kText: writer.value(*value.as_text()); return;
    case ValueType::kBytes: writer.value(to_base64(*value.as_bytes())); return;
    case ValueType::kInt64List: write_list(writer, *value.as_int64_list()); return;
    case ValueType::kUint64List: write_list(writer, *value.as_uint64_list()); return;
    case ValueType::kDoubleList: write_list(writer, *value.as_double_list()); return;
    case ValueType::kBoolList: write_bools(writer, *value.as_bool_list()); return;
    case ValueType::kTextList:
      write_list(writer, *value.as_text_list());
      return;
      // NOLINTEND(bugprone-unchecked-optional-access)
  }
}

void write_node(JsonWriter& writer, const DocumentView& document, const NodeView& node,
                ObjectId id);

void write_member(JsonWriter& writer, const DocumentView& document, const Member& member) {
  if (const auto node = member.as_node()) {
    write_node(writer, document, *node, ObjectId::invalid());
  } else if (const auto object = member.as_object()) {
    writer.begin_object().field("id", object->to_string()).end_object();
  } else if (const auto buffer = member.as_buffer()) {
    writer.begin_object()
        .field("id", document.reference(buffer->reference).to_string())
        .field("typename", "vineyard::Blob")
        .field("nbytes", buffer->length)
        .field("offset", buffer->offset)
        .field("length", buffer->length)
        .end_object();
  }
}

void write_node(JsonWriter& writer, const DocumentView& document, const NodeView& node,
                ObjectId id) {
  writer.begin_object();
  if (id.is_valid()) writer.field("id", id.to_string());
  writer.field("typename", node.type_name()).field("nbytes", node.nbytes());
  if (node.is_global()) writer.field("global", true);
  for (const Item item : node) {
    if (std::ranges::find(kOwnKeys, item.key()) != kOwnKeys.end()) continue;
    writer.key(item.key());
    if (item.is_field())
      write_value(writer, item.value());
    else
      write_member(writer, document, item.member());
  }
  writer.end_object();
}

// ---- the exact form

void write_exact_double(JsonWriter& writer, double number) {
  if (!std::isnan(number)) {
    writer.value(number);
    return;
  }
  char digits[16];
  const auto bits = std::bit_cast<std::uint64_t>(number);
  const auto end = std::to_chars(digits, digits + sizeof digits, bits, 16).ptr;
  writer.value("0x" + std::string(digits, end));
}

void write_exact_value(JsonWriter& writer, const Value& value) {
  const auto tagged = [&writer](const char* tag, const auto& write) {
    writer.begin_object().key(tag);
    write();
    writer.end_object();
  };
  switch (value.type()) {
    case ValueType::kNull:
    case ValueType::kBool:
    case ValueType::kInt64:
    case ValueType::kUint64:
    case ValueType::kText: return write_value(writer, value);
    case ValueType::kDouble:
      return tagged("double", [&] { write_exact_double(writer, *value.as_double()); });
    case ValueType::kBytes: return tagged("bytes", [&] { write_value(writer, value); });
    case ValueType::kInt64List: return tagged("int64s", [&] { write_value(writer, value); });
    case ValueType::kUint64List: return tagged("uint64s", [&] { write_value(writer, value); });
    case ValueType::kDoubleList:
      return tagged("doubles", [&] {
        const std::span<const double> list = *value.as_double_list();
        writer.begin_array();
        for (const double number : list) write_exact_double(writer, number);
        writer.end_array();
      });
    case ValueType::kBoolList: return tagged("bools", [&] { write_value(writer, value); });
    case ValueType::kTextList: return tagged("texts", [&] { write_value(writer, value); });
  }
}

void write_exact_node(JsonWriter& writer, const NodeView& node) {
  writer.begin_object().field("typename", node.type_name()).field("nbytes", node.nbytes());
  if (node.is_global()) writer.field("global", true);
  writer.key("fields").begin_object();
  for (const Item item : node)
    if (item.is_field()) write_exact_value(writer.key(item.key()), item.value());
  writer.end_object().key("members").begin_object();
  for (const Item item : node) {
    if (item.is_field()) continue;
    writer.key(item.key()).begin_object();
    const Member member = item.member();
    if (const auto child = member.as_node()) write_exact_node(writer.key("node"), *child);
    if (const auto object = member.as_object()) writer.field("object", object->to_string());
    if (const auto buffer = member.as_buffer()) {
      writer.key("buffer")
          .begin_array()
          .value(buffer->reference)
          .value(buffer->offset)
          .value(buffer->length);
      writer.end_array();
    }
    writer.end_object();
  }
  writer.end_object().end_object();
}

Error bad(std::string_view what) {
  return Error(ErrorCode::kInvalid, "not a document in its exact JSON form: " + std::string(what));
}

Result<double> read_double(const JsonValue& json) {
  if (const auto number = json.as_double()) return *number;
  const std::string* text = json.as_text();
  if (text == nullptr) return bad("a double is a number or a text");
  if (*text == "Infinity") return std::numeric_limits<double>::infinity();
  if (*text == "-Infinity") return -std::numeric_limits<double>::infinity();
  std::uint64_t bits = 0;
  const char* end = text->data() + text->size();
  if (!text->starts_with("0x") || std::from_chars(text->data() + 2, end, bits, 16).ptr != end ||
      text->size() < 3)
    return bad("'" + *text + "' is no double");
  return std::bit_cast<double>(bits);
}

// Reads every element of an array with `read`, which returns a Result.
template <class T, class Read>
Result<std::vector<T>> read_list(const JsonValue& json, Read read) {
  const JsonValue::Array* array = json.as_array();
  if (array == nullptr) return bad("a list is an array");
  std::vector<T> list;
  list.reserve(array->size());
  for (const JsonValue& element : *array) {
    VY_TRY(T value, read(element));
    list.push_back(std::move(value));
  }
  return list;
}

template <class T, class As>
Result<std::vector<T>> read_plain_list(const JsonValue& json, As as) {
  return read_list<T>(json, [as](const JsonValue& element) -> Result<T> {
    const auto value = as(element);
    if (!value) return bad("an element of the wrong type");
    return static_cast<T>(*value);
  });
}

class Reader {
 public:
  explicit Reader(DocumentBuilder& builder) : builder_(builder) {}

  Result<void> read_document(const JsonValue& json) {
    const JsonValue* root = json.find("root");
    if (root == nullptr) return bad("no root");
    VY_TRY(const std::string name, type_name_of(*root));
    builder_.clear(name);
    if (const JsonValue* payloads = json.find("payloads")) {
      VY_TRY(const auto ids, read_list<ObjectId>(*payloads, read_id));
      for (const ObjectId id : ids) builder_.add_payload(id);
    }
    return read_node(*root, builder_.root(), 1);
  }

 private:
  static Result<ObjectId> read_id(const JsonValue& json) {
    const std::string* text = json.as_text();
    const auto id = text ? ObjectId::parse(*text) : std::nullopt;
    if (!id) return bad("an id is `o` and 16 hexadecimal digits");
    return *id;
  }
  static Result<std::string> type_name_of(const JsonValue& node) {
    const JsonValue* name = node.find("typename");
    if (name == nullptr || name->as_text() == nullptr) return bad("a node without a typename");
    return *name->as_text();
  }

  Result<void> read_node(const JsonValue& json, NodeRef node, std::uint32_t depth) {
    if (depth > limits::kMaxDepth) return bad("deeper than 64 levels");
    if (const JsonValue* nbytes = json.find("nbytes")) {
      const auto number = nbytes->as_uint64();
      if (!number) return bad("nbytes is a number");
      builder_.set_nbytes(node, *number);
    }
    const JsonValue* global = json.find("global");
    if (global != nullptr && global->as_bool() == true) builder_.set_global(node);
    if (const JsonValue* fields = json.find("fields")) {
      if (fields->as_object() == nullptr) return bad("fields are an object");
      for (const auto& [key, value] : *fields->as_object()) VY_TRY(read_field(node, key, value));
    }
    if (const JsonValue* members = json.find("members")) {
      if (members->as_object() == nullptr) return bad("members are an object");
      for (const auto& [key, value] : *members->as_object())
        VY_TRY(read_member(node, key, value, depth));
    }
    return {};
  }

  Result<void> read_field(NodeRef node, const std::string& key, const JsonValue& json) {
    if (json.is_null()) return builder_.set_null(node, key), Result<void>();
    if (const auto truth = json.as_bool()) return builder_.set(node, key, *truth), Result<void>();
    if (const auto number = json.as_int64())
      return builder_.set(node, key, *number), Result<void>();
    if (const auto number = json.as_uint64())
      return builder_.set(node, key, *number), Result<void>();
    if (const std::string* text = json.as_text())
      return builder_.set(node, key, *text), Result<void>();
    const JsonValue::Object* object = json.as_object();
    if (object == nullptr || object->size() != 1) return bad("field '" + key + "' is no value");
    const auto& [tag, value] = object->front();
    if (tag == "double") {
      VY_TRY(const double number, read_double(value));
      builder_.set(node, key, number);
      return {};
    }
    if (tag == "bytes") {
      if (value.as_text() == nullptr) return bad("bytes are a base64 text");
      VY_TRY(const std::string bytes, from_base64(*value.as_text()));
      builder_.set_bytes(node, key, std::as_bytes(std::span(bytes.data(), bytes.size())));
      return {};
    }
    return read_list_field(node, key, tag, value);
  }

  Result<void> read_list_field(NodeRef node, const std::string& key, const std::string& tag,
                               const JsonValue& json) {
    if (tag == "int64s") {
      VY_TRY(const auto list,
             read_plain_list<std::int64_t>(json, [](const JsonValue& v) { return v.as_int64(); }));
      builder_.set(node, key, std::span(list));
    } else if (tag == "uint64s") {
      VY_TRY(const auto list, read_plain_list<std::uint64_t>(
                                  json, [](const JsonValue& v) { return v.as_uint64(); }));
      builder_.set(node, key, std::span(list));
    } else if (tag == "doubles") {
      VY_TRY(const auto list, read_list<double>(json, read_double));
      builder_.set(node, key, std::span(list));
    } else if (tag == "bools") {
      VY_TRY(const auto list,
             read_plain_list<std::uint8_t>(json, [](const JsonValue& v) { return v.as_bool(); }));
      builder_.set_bool_list(node, key, list);
    } else if (tag == "texts") {
      VY_TRY(const auto list,
             read_plain_list<std::string>(json, [](const JsonValue& v) { return v.as_text(); }));
      builder_.set(node, key, std::span(list));
    } else {
      return bad("field '" + key + "' has the unknown type '" + tag + "'");
    }
    return {};
  }

  Result<void> read_member(NodeRef node, const std::string& key, const JsonValue& json,
                           std::uint32_t depth) {
    if (const JsonValue* child = json.find("node")) {
      VY_TRY(const std::string name, type_name_of(*child));
      return read_node(*child, builder_.add_node(node, key, name), depth + 1);
    }
    if (const JsonValue* object = json.find("object")) {
      VY_TRY(const ObjectId id, read_id(*object));
      builder_.add_member(node, key, id);
      return {};
    }
    const JsonValue* buffer = json.find("buffer");
    if (buffer == nullptr) return bad("member '" + key + "' is neither node nor object nor buffer");
    VY_TRY(const auto range, read_plain_list<std::uint64_t>(
                                 *buffer, [](const JsonValue& v) { return v.as_uint64(); }));
    if (range.size() != 3 || range[0] > limits::kMaxMembers)
      return bad("a buffer is [payload, offset, length]");
    builder_.add_buffer(node, key, static_cast<std::uint32_t>(range[0]), range[1], range[2]);
    return {};
  }

  DocumentBuilder& builder_;
};

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

void write_json(JsonWriter& writer, const DocumentView& document, ObjectId id) {
  write_node(writer, document, document.root(), id);
}

std::string to_json(const DocumentView& document, ObjectId id, JsonStyle style) {
  JsonWriter writer(style);
  write_json(writer, document, id);
  return writer.take();
}

void write_exact_json(JsonWriter& writer, const DocumentView& document) {
  writer.begin_object().key("payloads").begin_array();
  for (std::uint32_t i = 0; i < document.payload_count(); ++i)
    writer.value(document.reference(i).to_string());
  writer.end_array().key("root");
  write_exact_node(writer, document.root());
  writer.end_object();
}

Result<void> read_exact_json(const JsonValue& json, DocumentBuilder& builder) {
  return Reader(builder).read_document(json);
}

std::string to_base64(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < left ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= left ? kBase64[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

Result<std::string> from_base64(std::string_view text) {
  const Error error(ErrorCode::kInvalid, "not base64 with padding");
  if (text.size() % 4 != 0) return error;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::size_t padding = 0;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const char c = text[i + k];
      const std::size_t digit = kBase64.find(c);
      const bool pads = c == '=' && i + 4 == text.size() && k >= 2;
      if (!pads && (digit == std::string_view::npos || padding > 0)) return error;
      padding += pads ? 1 : 0;
      group = group << 6 | (pads ? 0 : static_cast<std::uint32_t>(digit));
    }
    for (std::size_t k = 0; k + padding < 3; ++k)
      bytes += static_cast<char>(group >> (16 - 8 * k) & 0xff);
  }
  return bytes;
}

}  // namespace vineyard::meta
