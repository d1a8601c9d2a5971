// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/type_name.h"

#include <algorithm>
#include <array>
#include <utility>

namespace vineyard::meta {
namespace {

struct Element {
  std::string_view in_type;
  std::string_view numpy;
  std::uint32_t size;
};
// In the order of ElementType.
constexpr std::array<Element, 12> kElements = {{
    {"bool", "bool", 1},
    {"int8", "int8", 1},
    {"int16", "int16", 2},
    {"int", "int32", 4},
    {"int64", "int64", 8},
    {"uint8", "uint8", 1},
    {"uint16", "uint16", 2},
    {"uint", "uint32", 4},
    {"uint64", "uint64", 8},
    {"float16", "float16", 2},
    {"float", "float32", 4},
    {"double", "float64", 8},
}};

// Further spellings: C++ compilers, Arrow, and numpy's codes. `long` has 64 bits on every platform
// we run on.
constexpr std::array<std::pair<std::string_view, ElementType>, 31> kSpellings = {{
    {"signed char", ElementType::kInt8},
    {"char", ElementType::kInt8},
    {"int8_t", ElementType::kInt8},
    {"unsigned char", ElementType::kUint8},
    {"uint8_t", ElementType::kUint8},
    {"short", ElementType::kInt16},
    {"short int", ElementType::kInt16},
    {"int16_t", ElementType::kInt16},
    {"unsigned short", ElementType::kUint16},
    {"short unsigned int", ElementType::kUint16},
    {"uint16_t", ElementType::kUint16},
    {"int32_t", ElementType::kInt32},
    {"unsigned int", ElementType::kUint32},
    {"unsigned", ElementType::kUint32},
    {"uint32_t", ElementType::kUint32},
    {"long", ElementType::kInt64},
    {"long int", ElementType::kInt64},
    {"long long", ElementType::kInt64},
    {"long long int", ElementType::kInt64},
    {"int64_t", ElementType::kInt64},
    {"unsigned long", ElementType::kUint64},
    {"long unsigned int", ElementType::kUint64},
    {"unsigned long long", ElementType::kUint64},
    {"long long unsigned int", ElementType::kUint64},
    {"uint64_t", ElementType::kUint64},
    {"halffloat", ElementType::kFloat16},
    {"half", ElementType::kFloat16},
    {"<f4", ElementType::kFloat32},
    {"<f8", ElementType::kFloat64},
    {"std::bool", ElementType::kBool},
    {"|b1", ElementType::kBool},
}};

const Element& element(ElementType type) {
  return kElements[static_cast<std::size_t>(type)];
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void erase_all(std::string& text, std::string_view part) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at))
    text.erase(at, part.size());
}

// Blanks stay only between two words, and single.
std::string without_needless_blanks(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != ' ') {
      out += text[i];
      continue;
    }
    const std::size_t next = text.find_first_not_of(' ', i);
    if (next == std::string_view::npos) break;
    if (!out.empty() && is_word(out.back()) && is_word(text[next])) out += ' ';
    i = next - 1;
  }
  return out;
}

}  // namespace

std::string TypeName::to_string() const {
  if (arguments.empty()) return base;
  std::string text = base + '<';
  for (const std::string& argument : arguments) {
    text += argument;
    text += ',';
  }
  text.back() = '>';
  return text;
}

Result<TypeName> parse_type_name(std::string_view text) {
  const Error error(ErrorCode::kInvalid, "'" + std::string(text) +
                                             "' is not a type name of the form base<argument,...>");
  const std::size_t open = text.find('<');
  TypeName name{.base = std::string(text.substr(0, open)), .arguments = {}};
  if (name.base.empty() || name.base.find_first_of(">,") != std::string::npos) return error;
  if (open == std::string_view::npos) return name;
  if (text.back() != '>') return error;
  const std::string_view inside = text.substr(open + 1, text.size() - open - 2);
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= inside.size(); ++i) {
    if (i == inside.size() || (depth == 0 && inside[i] == ',')) {
      if (i == begin) return error;
      name.arguments.emplace_back(inside.substr(begin, i - begin));
      begin = i + 1;
    } else if (inside[i] == '<') {
      ++depth;
    } else if (inside[i] == '>' && --depth < 0) {
      return error;
    }
  }
  if (depth != 0) return error;
  return name;
}

std::string canonical_type_name(std::string_view text) {
  std::string name(text);
  // What stood on both sides of something erased may now be a needless blank, or such a namespace.
  for (std::string before; before != name;) {
    before = name;
    name = without_needless_blanks(name);
    erase_all(name, "__1::");
    erase_all(name, "__cxx11::");
  }
  std::string out;
  for (std::size_t begin = 0; begin < name.size();) {
    std::size_t end = name.find_first_of("<>,", begin);
    if (end == std::string::npos) end = name.size();
    const std::string_view part = std::string_view(name).substr(begin, end - begin);
    // What stands before an argument list is a template, and the whole name is the user's: neither
    // is a number.
    const bool is_argument = begin > 0 && (end == name.size() || name[end] != '<');
    const auto type = is_argument ? parse_element_type(part) : std::nullopt;
    out += type ? name_in_type(*type) : part;
    if (end < name.size()) out += name[end];
    begin = end + 1;
  }
  return out;
}

std::uint32_t size_of(ElementType type) {
  return element(type).size;
}
std::string_view name_in_type(ElementType type) {
  return element(type).in_type;
}
std::string_view numpy_name(ElementType type) {
  return element(type).numpy;
}

std::optional<ElementType> parse_element_type(std::string_view text) {
  for (std::size_t i = 0; i < kElements.size(); ++i)
    if (text == kElements[i].in_type || text == kElements[i].numpy)
      return static_cast<ElementType>(i);
  const auto at = std::ranges::find(kSpellings, text, [](const auto& pair) { return pair.first; });
  if (at == kSpellings.end()) return std::nullopt;
  return at->second;
}

}  // namespace vineyard::meta
