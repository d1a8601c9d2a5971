// SPDX-License-Identifier: Apache-2.0
#include "vineyard/cli/output/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "vineyard/meta/utf8.h"

namespace vineyard::cli {
namespace {

constexpr std::size_t kGap = 2;  // blanks between columns

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80;
}

bool is_control(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  return code < 0x20 || code == 0x7F;
}

// Length of the character that begins here, as its first byte says.
std::size_t length_of_character(char first) {
  const auto code = static_cast<unsigned char>(first);
  if (code < 0x80) return 1;
  if (code >= 0xF0) return 4;
  return code >= 0xE0 ? 3 : 2;
}

// U+0080 to U+009F, which terminals obey like those below U+0020.
bool is_second_control_set(std::string_view character) {
  return character.size() == 2 && character[0] == '\xC2' &&
         static_cast<unsigned char>(character[1]) < 0xA0;
}

// The first `count` characters, in bytes.
std::size_t bytes_of(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (is_continuation(text[at])) continue;
    if (count-- == 0) return at;
  }
  return at;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string_view character = text.substr(at, length_of_character(text[at]));
    const bool good =
        meta::is_utf8(character) && !is_control(text[at]) && !is_second_control_set(character);
    if (good) {
      out += character;
      at += character.size();
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at++]));
    }
  }
  return out;
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return !is_continuation(byte); }));
}

std::string shortened(std::string_view text, std::size_t width) {
  const std::size_t characters = width_of(text);
  if (characters <= width || width < 5) return std::string(text);
  const std::size_t head = (width - 3 + 1) / 2;
  const std::size_t tail = width - 3 - head;
  std::string out(text.substr(0, bytes_of(text, head)));
  out += "...";
  out += text.substr(bytes_of(text, characters - tail));
  return out;
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string counted(std::uint64_t number, std::string_view one) {
  return fmt::format("{} {}{}", grouped(number), one, number == 1 ? "" : "s");
}

std::string percentage(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "0 %";
  return fmt::format("{:.0f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

void Table::add_row(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::size_t indent) const {
  std::vector<std::size_t> widths;
  std::vector<std::string> titles;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    titles.push_back(columns_[c].title);
    widths.push_back(width_of(columns_[c].title));
    for (const auto& row : rows_) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string out;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    std::string line(indent, ' ');
    for (std::size_t c = 0; c < cells.size(); ++c) {
      if (c > 0) line.append(kGap, ' ');
      const std::string padding(widths[c] - width_of(cells[c]), ' ');
      line += columns_[c].align == Align::kRight ? padding + cells[c] : cells[c] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  add_line(titles);
  for (const auto& row : rows_) add_line(row);
  return out;
}

}  // namespace vineyard::cli
