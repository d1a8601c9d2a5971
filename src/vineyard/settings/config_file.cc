// SPDX-License-Identifier: Apache-2.0
#include "vineyard/settings/config_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "vineyard/base/try.h"

namespace vineyard::settings {
namespace {

constexpr std::string_view kBlanks = " \t";

Error invalid(std::string_view what) {
  return Error(ErrorCode::kInvalid, std::string(what));
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
}

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
}

bool is_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Takes text in quotes; in double ones a backslash takes the next quote or backslash as it is.
Result<std::string> take_quoted(std::string_view& text) {
  const char quote = text.front();
  std::string value;
  for (std::size_t n = 1; n < text.size(); ++n) {
    if (text[n] == quote) {
      text.remove_prefix(n + 1);
      return value;
    }
    if (quote == '"' && text[n] == '\\') {
      ++n;
      if (n == text.size() || (text[n] != '"' && text[n] != '\\'))
        return invalid(R"(only \" and \\ are understood in text)");
    }
    value += text[n];
  }
  return invalid("the quote at the end is missing");
}

Result<std::string> take_value(std::string_view& text) {
  if (text.empty() || text.front() == '#') return invalid("there is no value");
  if (text.front() == '[' || text.front() == '{')
    return invalid("a list or table is no value of a setting; write one value");
  if (text.front() == '"' || text.front() == '\'') return take_quoted(text);
  const std::size_t size = std::min(text.find_first_of(" \t#"), text.size());
  const std::string_view word = text.substr(0, size);
  if (word.find_first_of("\"'[]{},=") != std::string_view::npos)
    return invalid("text must stand in quotes");
  text.remove_prefix(size);
  return std::string(word);
}

// A setting; one without a key if the line is empty or a comment.
Result<FileSetting> parse_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (std::ranges::any_of(line, is_control)) return invalid("it has control characters");
  skip_blanks(line);
  if (line.empty() || line.front() == '#') return FileSetting();
  if (line.front() == '[')
    return invalid(fmt::format("there are no tables here, as {}; write key = value", line));
  const auto end = std::ranges::find_if_not(line, is_key);
  FileSetting setting{.key = std::string(line.begin(), end), .value = {}};
  line.remove_prefix(setting.key.size());
  skip_blanks(line);
  if (setting.key.empty() || !line.starts_with('='))
    return invalid("it is not of the form key = value");
  line.remove_prefix(1);
  skip_blanks(line);
  VY_TRY(setting.value, take_value(line));
  if (setting.value.empty())
    return invalid(fmt::format("{} is empty; leave it out for its default", setting.key));
  skip_blanks(line);
  if (!line.empty() && line.front() != '#')
    return invalid(fmt::format("{} has more than one value", setting.key));
  return setting;
}

}  // namespace

Result<std::vector<FileSetting>> parse_config_file(std::string_view text) {
  std::vector<FileSetting> settings;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t size = std::min(text.find('\n'), text.size());
    auto line = parse_line(text.substr(0, size));
    if (!line) return std::move(line).error().with_context(fmt::format("line {}", number));
    text.remove_prefix(std::min(size + 1, text.size()));
    if (line->key.empty()) continue;
    if (std::ranges::find(settings, line->key, &FileSetting::key) != settings.end())
      return invalid(fmt::format("line {}: {} is set a second time", number, line->key));
    settings.push_back(*std::move(line));
  }
  return settings;
}

}  // namespace vineyard::settings
