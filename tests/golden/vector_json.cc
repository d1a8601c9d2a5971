// SPDX-License-Identifier: Apache-2.0
#include "vector_json.h"

#include <cctype>
#include <charconv>
#include <fstream>
#include <iterator>

#include "vineyard/base/check.h"

namespace vineyard::golden {

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::byte byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

protocol::Buffer from_hex(std::string_view text) {
  VY_CHECK(text.size() % 2 == 0);
  protocol::Buffer bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    VY_CHECK(error == std::errc() && end == text.data() + i + 2);
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

boost::json::value read_json(const std::string& name) {
  std::ifstream file(std::string(VINEYARD_GOLDEN_DIR "/") + name, std::ios::binary);
  VY_CHECK(file.good());
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return boost::json::parse(text);
}

void write_text(const std::string& name, std::string_view text) {
  std::ofstream file(std::string(VINEYARD_GOLDEN_DIR "/") + name, std::ios::binary);
  file << text;
  file.flush();
  VY_CHECK(file.good());
}

std::string file_name(std::string_view message) {
  std::string name;
  for (char c : message) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0 && !name.empty()) name += '_';
    name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return name;
}

}  // namespace vineyard::golden
