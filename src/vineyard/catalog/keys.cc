// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "vineyard/base/limits.h"
#include "vineyard/base/try.h"

namespace vineyard::catalog {
namespace {

constexpr std::size_t kHexDigits = 16;
constexpr std::string_view kVersion = "1 ";  // of an object's first line

std::string numbered(std::string_view prefix, std::uint64_t number) {
  return fmt::format("{}{:016x}", prefix, number);
}

// Exactly as it is written: no sign, no capitals, no second spelling of one number.
std::optional<std::uint64_t> parse_hex(std::string_view text) {
  if (text.size() != kHexDigits) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return std::nullopt;
    number = number << 4 | static_cast<unsigned>(digit ? c - '0' : c - 'a' + 10);
  }
  return number;
}

Error corrupt(std::string_view what, std::string_view text) {
  return {ErrorCode::kCorrupt,
          fmt::format("the catalog holds {} that is none ({} bytes)", what, text.size())};
}

// What stands before the next blank; `rest` goes behind it.
std::string_view word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view found = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return found;
}

}  // namespace

std::string instance_key(InstanceId instance) {
  return numbered(kInstances, instance.value);
}
std::string turn_key(InstanceId instance) {
  return numbered(kTurns, instance.value);
}
std::string object_key(ObjectId id) {
  return numbered(kObjects, id.value);
}
std::string name_key(std::string_view name) {
  return fmt::format("{}{}", kNames, name);
}

std::optional<Key> parse_key(std::string_view key) {
  const auto with_number = [&](KeyKind kind, std::string_view prefix) -> std::optional<Key> {
    const auto number = parse_hex(key.substr(prefix.size()));
    if (!number) return std::nullopt;
    return Key{.kind = kind, .number = *number, .name = {}};
  };
  if (key.starts_with(kObjects)) return with_number(KeyKind::kObject, kObjects);
  if (key.starts_with(kInstances)) return with_number(KeyKind::kInstance, kInstances);
  if (key.starts_with(kTurns)) return with_number(KeyKind::kTurn, kTurns);
  if (key == kBlocks) return Key{};
  if (!key.starts_with(kNames)) return std::nullopt;
  const std::string_view name = key.substr(kNames.size());
  if (name.empty() || name.size() > limits::kMaxName) return std::nullopt;
  return Key{.kind = KeyKind::kName, .number = 0, .name = name};
}

std::string object_value(const ObjectValue& value) {
  return fmt::format("{}{:016x} {} {}\n{}", kVersion, value.owner.value, value.bytes, value.type,
                     value.document);
}

Result<ObjectValue> parse_object_value(std::string_view text) {
  const std::size_t line = text.find('\n');
  std::string_view rest = text.substr(0, line);
  if (line == std::string_view::npos || !rest.starts_with(kVersion))
    return corrupt("an object", text);
  rest.remove_prefix(kVersion.size());
  const auto owner = parse_hex(word(rest));
  const auto bytes = parse_number_value(word(rest));
  if (!owner || !bytes || rest.empty() || rest.size() > limits::kMaxTypeName)
    return corrupt("an object", text);
  return ObjectValue{
      .owner = {*owner}, .bytes = *bytes, .type = rest, .document = text.substr(line + 1)};
}

Result<ObjectId> parse_name_value(std::string_view text) {
  const auto id = ObjectId::parse(text);
  if (!id) return corrupt("a name", text);
  return *id;
}

Result<std::uint64_t> parse_number_value(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || fmt::format("{}", number) != text)
    return corrupt("a number", text);
  return number;
}

}  // namespace vineyard::catalog
