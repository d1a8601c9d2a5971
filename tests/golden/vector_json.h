// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "vineyard/protocol/codec.h"

// Messages and frames as the JSON of the golden vectors.
namespace vineyard::golden {

/// The bytes as hexadecimal digits, and back. A vector that is not hexadecimal fails a check: the files are ours.
[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);
[[nodiscard]] protocol::Buffer from_hex(std::string_view text);

/// Reads and writes files below tests/golden.
[[nodiscard]] boost::json::value read_json(const std::string& name);
void write_text(const std::string& name, std::string_view text);

/// `ListNames` becomes `list_names`, the name of its file.
[[nodiscard]] std::string file_name(std::string_view message);

inline boost::json::value to_json(std::uint32_t value) {
  return value;
}
inline boost::json::value to_json(std::uint64_t value) {
  return value;
}
inline boost::json::value to_json(const std::string& value) {
  return boost::json::string(value);
}
template <class T>
boost::json::value to_json(const std::vector<T>& list) {
  boost::json::array array;
  for (const T& item : list) array.push_back(to_json(item));
  return array;
}

inline void from_json(const boost::json::value& json, std::uint32_t& value) {
  value = json.to_number<std::uint32_t>();
}
inline void from_json(const boost::json::value& json, std::uint64_t& value) {
  value = json.to_number<std::uint64_t>();
}
inline void from_json(const boost::json::value& json, std::string& value) {
  value = json.as_string();
}
template <class T>
void from_json(const boost::json::value& json, std::vector<T>& list) {
  for (const auto& item : json.as_array()) from_json(item, list.emplace_back());
}

/// A message's members by name.
template <protocol::AnyMessage M>
boost::json::object fields_of(const M& message) {
  boost::json::object fields;
  message.visit(
      [&fields](std::string_view name, const auto& member) { fields[name] = to_json(member); });
  return fields;
}

template <protocol::AnyMessage M>
M message_of(const boost::json::object& fields) {
  M message;
  message.visit(
      [&fields](std::string_view name, auto& member) { from_json(fields.at(name), member); });
  return message;
}

template <protocol::AnyMessage M>
protocol::Buffer encode_any(std::uint64_t request_id, std::uint32_t deadline_ms, const M& message) {
  protocol::Buffer buffer;
  if constexpr (protocol::NoticeMessage<M>) {
    protocol::encode(buffer, message).value();
  } else if constexpr (protocol::RequestMessage<M>) {
    protocol::encode(buffer, request_id, message, std::chrono::milliseconds(deadline_ms)).value();
  } else {
    protocol::encode(buffer, request_id, message).value();
  }
  return buffer;
}

}  // namespace vineyard::golden
