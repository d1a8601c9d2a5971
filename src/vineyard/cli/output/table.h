// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// How answers look on a terminal.
namespace vineyard::cli {

enum class Align : std::uint8_t { kLeft, kRight };

/// Rows of text in columns that are as wide as their widest cell.
///
/// Owner:   whoever prints; a plain value.
/// Threads: as any value.
/// Always:  one line a row, whatever the cells hold (`printable`); no blanks at the end of a line.
class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Cells that are missing at the end stay empty; those beyond the last column are dropped.
  void add_row(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// The titles and all rows; `indent` blanks before each line.
  [[nodiscard]] std::string text(std::size_t indent = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Text of somebody else as it may go to a terminal: control characters and bytes that are not
/// UTF-8 are written as `\xNN`.
[[nodiscard]] std::string printable(std::string_view text);
/// At most `width` characters; what is cut away in the middle shows as `...`.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t width);
/// Characters of UTF-8 text.
[[nodiscard]] std::size_t width_of(std::string_view text);

/// `1,234,567`.
[[nodiscard]] std::string grouped(std::uint64_t number);
/// `1 object`, `2 objects`.
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view one);
/// `12 %` of `whole`; `0 %` of nothing.
[[nodiscard]] std::string percentage(std::uint64_t part, std::uint64_t whole);

}  // namespace vineyard::cli
