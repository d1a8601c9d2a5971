// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"

// Keys and values of the catalog as they lie in the store: docs/adr/0016.
namespace vineyard::catalog {

/// An instance of the catalog. Never used for another one, also after it is gone.
struct InstanceId {
  std::uint64_t value = 0;
  constexpr auto operator<=>(const InstanceId&) const = default;
};

inline constexpr std::string_view kInstances = "instance/";
inline constexpr std::string_view kTurns = "turn/";
inline constexpr std::string_view kObjects = "object/";
inline constexpr std::string_view kNames = "name/";
inline constexpr std::string_view kBlocks = "counter/blocks";

[[nodiscard]] std::string instance_key(InstanceId instance);
[[nodiscard]] std::string turn_key(InstanceId instance);
[[nodiscard]] std::string object_key(ObjectId id);
[[nodiscard]] std::string name_key(std::string_view name);

/// What a key is about; nothing: none of ours, or one of a later version.
enum class KeyKind : std::uint8_t { kInstance, kTurn, kObject, kName, kCounter };
struct Key {
  KeyKind kind = KeyKind::kCounter;
  std::uint64_t number = 0;  // of the instance or object
  std::string_view name;
};
[[nodiscard]] std::optional<Key> parse_key(std::string_view key);

/// An object's value: one line for those who only list, then its document, which the catalog never looks into.
struct ObjectValue {
  InstanceId owner;
  std::uint64_t bytes = 0;  // of its blobs
  std::string_view type;
  std::string_view document;
};
[[nodiscard]] std::string object_value(const ObjectValue& value);
/// Views into `text`. Errors: corrupt.
[[nodiscard]] Result<ObjectValue> parse_object_value(std::string_view text);

/// A name's value is the id it stands for. Errors: corrupt.
[[nodiscard]] Result<ObjectId> parse_name_value(std::string_view text);
/// A decimal number and nothing else. Errors: corrupt.
[[nodiscard]] Result<std::uint64_t> parse_number_value(std::string_view text);

}  // namespace vineyard::catalog
